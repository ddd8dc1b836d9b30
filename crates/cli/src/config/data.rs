//! `[data]`: where the points are, and how numbers become integers.

use serde::Deserialize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use zkdl_dataset::{Image, Quantiser, Quantisers, Source};

/// `[data]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataConfig {
    /// A CSV file. All files are relative to the configuration's directory.
    csv: Option<PathBuf>,
    /// Name of the label's column in a CSV file; the last column if not given.
    label: Option<String>,
    /// A NumPy file of points.
    npy: Option<PathBuf>,
    /// A NumPy archive of points and labels.
    npz: Option<PathBuf>,
    /// An IDX file of images.
    idx: Option<PathBuf>,
    /// Batches of CIFAR-10.
    cifar10: Option<Vec<PathBuf>>,
    /// The file of labels beside `npy` and `idx`; their name in `npz`.
    labels: Option<String>,
    /// The name of the points in `npz`.
    features: Option<String>,
    /// Smallest integer.
    pub(crate) value_min: i32,
    /// Largest integer.
    pub(crate) value_max: i32,
    /// The number x becomes the integer (x - offset) * scale.
    #[serde(default = "one")]
    scale: f64,
    /// See `scale`.
    #[serde(default)]
    offset: f64,
    /// Whether numbers beyond the range become its nearer bound.
    #[serde(default)]
    clip: bool,
    /// Columns that differ.
    #[serde(default)]
    columns: Vec<ColumnConfig>,
    /// Fraction bits of the features.
    pub(crate) fraction_bits: u32,
    /// Largest squared distance of near-duplicates.
    #[serde(default)]
    pub(crate) near: u64,
    /// Layout of the points, for formats that do not tell.
    image: Option<ImageConfig>,
    /// Points held out for testing.
    pub(crate) test_points: Option<u32>,
    /// Points trained on.
    pub(crate) train_points: Option<u32>,
    /// Seed of the split.
    #[serde(default)]
    pub(crate) split_seed: u64,
}

/// `[[data.columns]]`: what is not given is as in `[data]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnConfig {
    /// `"3"`, or half open, `"0..10"`.
    columns: String,
    scale: Option<f64>,
    offset: Option<f64>,
    min: Option<i32>,
    max: Option<i32>,
    clip: Option<bool>,
}

/// `image`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageConfig {
    width: u32,
    height: u32,
    #[serde(default = "grey")]
    channels: u32,
    #[serde(default)]
    planar: bool,
    #[serde(default = "white")]
    white: u32,
}

fn one() -> f64 {
    1.0
}

fn grey() -> u32 {
    1
}

fn white() -> u32 {
    255
}

impl DataConfig {
    /// Where the points are; `directory` is the configuration's.
    pub(crate) fn source(&self, directory: &Path) -> Result<Source, String> {
        let at = |path: &Path| directory.join(path);
        let beside = |format: &str| match &self.labels {
            Some(labels) => Ok(at(Path::new(labels))),
            None => Err(format!("[data] {format} needs `labels`, the file of labels")),
        };
        let name = |name: &Option<String>, usual: &str| name.clone().unwrap_or_else(|| usual.to_owned());
        let source = match (&self.csv, &self.npy, &self.npz, &self.idx, &self.cifar10) {
            (Some(file), None, None, None, None) => Source::Csv { file: at(file), label: self.label.clone() },
            (None, Some(file), None, None, None) => Source::Npy { features: at(file), labels: beside("npy")? },
            (None, None, Some(file), None, None) => {
                Source::Npz { file: at(file), features: name(&self.features, "x"), labels: name(&self.labels, "y") }
            }
            (None, None, None, Some(file), None) => Source::Idx { images: at(file), labels: beside("idx")? },
            (None, None, None, None, Some(files)) if !files.is_empty() => {
                Source::Cifar { files: files.iter().map(|file| at(file)).collect() }
            }
            _ => return Err("[data] needs exactly one of `csv`, `npy`, `npz`, `idx` and `cifar10`".to_owned()),
        };
        let misplaced = [
            ("label", self.label.is_some(), matches!(source, Source::Csv { .. })),
            ("labels", self.labels.is_some(), !matches!(source, Source::Csv { .. } | Source::Cifar { .. })),
            ("features", self.features.is_some(), matches!(source, Source::Npz { .. })),
        ];
        match misplaced.iter().find(|(_, given, fits)| *given && !fits) {
            Some((key, ..)) => Err(format!("[data] `{key}` does not belong to this format")),
            None => Ok(source),
        }
    }

    /// How numbers become integers, checked.
    pub(crate) fn quantisers(&self) -> Result<Quantisers, String> {
        let usual = Quantiser {
            scale: self.scale,
            offset: self.offset,
            min: self.value_min,
            max: self.value_max,
            clip: self.clip,
        };
        usual.validate().map_err(|e| format!("[data]: {e}"))?;
        let others = self.columns.iter().map(|column| column.quantiser(usual)).collect::<Result<_, _>>()?;
        Ok(Quantisers { usual, others })
    }

    /// The layout of the points: what the format tells, or what is declared.
    pub(crate) fn image(&self, told: Option<Image>) -> Option<Image> {
        let declared = self.image.map(|image| Image {
            width: image.width,
            height: image.height,
            channels: image.channels,
            planar: image.planar,
            white: image.white,
        });
        declared.or(told)
    }
}

impl ColumnConfig {
    fn quantiser(&self, usual: Quantiser) -> Result<(Range<u32>, Quantiser), String> {
        let refused = |e: &dyn std::fmt::Display| format!("[[data.columns]] columns = {:?}: {e}", self.columns);
        let place = |text: &str| text.trim().parse::<u32>().map_err(|e| refused(&e));
        let range = match self.columns.split_once("..") {
            Some((start, end)) => place(start)?..place(end)?,
            None => place(&self.columns).map(|column| column..column.saturating_add(1))?,
        };
        let quantiser = Quantiser {
            scale: self.scale.unwrap_or(usual.scale),
            offset: self.offset.unwrap_or(usual.offset),
            min: self.min.unwrap_or(usual.min),
            max: self.max.unwrap_or(usual.max),
            clip: self.clip.unwrap_or(usual.clip),
        };
        quantiser.validate().map_err(|e| refused(&e))?;
        Ok((range, quantiser))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> DataConfig {
        toml::from_str(&format!("value_min = 0\nvalue_max = 9\nfraction_bits = 3\n{text}")).unwrap()
    }

    fn source(text: &str) -> Result<Source, String> {
        parse(text).source(Path::new("d"))
    }

    #[test]
    fn every_format_is_read() {
        let at = |name: &str| PathBuf::from(format!("d/{name}"));
        assert_eq!(source("csv = 'a'"), Ok(Source::Csv { file: at("a"), label: None }));
        assert_eq!(source("csv = 'a'\nlabel = 'l'"), Ok(Source::Csv { file: at("a"), label: Some("l".to_owned()) }));
        assert_eq!(source("npy = 'a'\nlabels = 'b'"), Ok(Source::Npy { features: at("a"), labels: at("b") }));
        let (features, labels) = ("x".to_owned(), "y".to_owned());
        assert_eq!(source("npz = 'a'"), Ok(Source::Npz { file: at("a"), features, labels }));
        let (features, labels) = ("p".to_owned(), "q".to_owned());
        let named = source("npz = 'a'\nfeatures = 'p'\nlabels = 'q'");
        assert_eq!(named, Ok(Source::Npz { file: at("a"), features, labels }));
        assert_eq!(source("idx = 'a'\nlabels = 'b'"), Ok(Source::Idx { images: at("a"), labels: at("b") }));
        assert_eq!(source("cifar10 = ['a', 'b']"), Ok(Source::Cifar { files: vec![at("a"), at("b")] }));
    }

    #[test]
    fn problems_name_the_key() {
        for (text, part) in [
            ("", "exactly one of"),
            ("csv = 'a'\nnpz = 'b'", "exactly one of"),
            ("cifar10 = []", "exactly one of"),
            ("npy = 'a'", "npy needs `labels`"),
            ("idx = 'a'", "idx needs `labels`"),
            ("csv = 'a'\nlabels = 'b'", "`labels` does not belong"),
            ("idx = 'a'\nlabels = 'b'\nlabel = 'l'", "`label` does not belong"),
            ("npy = 'a'\nlabels = 'b'\nfeatures = 'l'", "`features` does not belong"),
        ] {
            let error = source(text).unwrap_err();
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn columns_override() {
        let config = parse("csv = 'a'\nscale = 4\nclip = true\n[[columns]]\ncolumns = '2..4'\noffset = -1.5\nmax = 5");
        let quantisers = config.quantisers().unwrap();
        assert_eq!(quantisers.usual, Quantiser { scale: 4.0, offset: 0.0, min: 0, max: 9, clip: true });
        let other = Quantiser { scale: 4.0, offset: -1.5, min: 0, max: 5, clip: true };
        assert_eq!(quantisers.others, vec![(2..4, other)]);
        for (columns, part) in [("x", "\"x\""), ("1..", "\"1..\""), ("-1", "\"-1\"")] {
            let error = parse(&format!("[[columns]]\ncolumns = '{columns}'")).quantisers().unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert!(parse("scale = 0.0").quantisers().unwrap_err().contains("scale 0"));
        assert!(parse("[[columns]]\ncolumns = '1'\nmin = 10").quantisers().unwrap_err().contains("above"));
    }

    #[test]
    fn an_image_is_declared() {
        let image = parse("image = { width = 8, height = 4 }").image(None).unwrap();
        assert_eq!(image, Image { width: 8, height: 4, channels: 1, planar: false, white: 255 });
        assert_eq!(parse("").image(Some(image)), Some(image));
    }
}

//! Data as users have them: every format from `init` to an answer that is verified.

use crate::support::{NONCE, Sandbox};
use std::io::Write;

/// Twelve points of two by two pixels, in three classes.
fn pixels() -> (Vec<u8>, Vec<u8>) {
    let point = |i: u8| (0..4).map(move |k| if k == i % 3 { 200 + i } else { (7 * i + k) % 60 });
    ((0..24).flat_map(point).collect(), (0..24).map(|i| i % 3).collect())
}

fn idx(axes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, axes.len() as u8];
    file.extend(axes.iter().flat_map(|axis| axis.to_be_bytes()));
    file.extend(bytes);
    file
}

fn npy(kind: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((text.len() as u16).to_le_bytes());
    [file, text.into_bytes(), bytes.to_vec()].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes a run by `init`, makes it small, commits, trains, proves and verifies it.
fn runs(sandbox: &Sandbox, run: &str, init: &[&str]) {
    sandbox.ok(&[&["init", run], init].concat());
    let file = format!("{run}/zkdl.toml");
    let config = String::from_utf8(sandbox.read(&file)).unwrap();
    let config = config.replace("hidden = [128, 64]", "hidden = [5]").replace("epochs = 20", "steps = 2");
    let rate = config.lines().find(|line| line.starts_with("learning_rate")).unwrap().to_owned();
    // Bits that hold all of two gentle steps, whatever the starting weights are.
    sandbox.write(&file, &(config.replace(&rate, "learning_rate = 0.05") + "\n[format]\nq = 16\nq_g = 14\n"));
    sandbox.ok(&["data", "commit", run]);
    sandbox.ok(&["train", run, "--beacon", NONCE]);
    sandbox.ok(&["prove", run]);
    assert!(sandbox.ok(&["verify", run]).starts_with("VALID"), "{run}");
    assert!(sandbox.ok(&["data", "show", run]).contains("Ranges (proven)"));
}

/// Asks about a file as the owner of a point would; returns "member" or "absent", whose answer was verified.
fn asks(sandbox: &Sandbox, run: &str, query: &[&str]) -> &'static str {
    let public = format!("{run}/public");
    for verb in ["member", "absent"] {
        let question = [&["--nonce", NONCE, "--any-label"], query].concat();
        if sandbox.zkdl(&[&[verb, "prove", run, "-o", "answer"], &question[..]].concat()).code == 0 {
            let verify = [&[verb, "verify", "answer", "--public", &public], &question[..]].concat();
            assert!(sandbox.ok(&verify).starts_with("VALID"));
            return if verb == "member" { "member" } else { "absent" };
        }
    }
    panic!("{run}: {query:?} is neither a member nor absent");
}

/// Of every point that was read, asked for one by one, those that are committed.
fn members(sandbox: &Sandbox, run: &str, rows: usize, row: impl Fn(usize) -> Vec<String>) -> usize {
    let verdict = |i| asks(sandbox, run, &row(i).iter().map(String::as_str).collect::<Vec<_>>());
    (0..rows).filter(|i| verdict(*i) == "member").count()
}

fn png(path: &std::path::Path, pixels: &[u8]) {
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), 2, 2);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
}

#[test]
fn idx_files_of_images_and_an_owner_with_a_picture() {
    let sandbox = Sandbox::new();
    let (points, labels) = pixels();
    std::fs::write(sandbox.path("x.gz"), gzip(&idx(&[24, 2, 2], &points))).unwrap();
    std::fs::write(sandbox.path("y"), idx(&[24], &labels)).unwrap();
    runs(&sandbox, "run", &["--data", "x.gz", "--labels", "y"]);
    for (i, image) in points.chunks(4).enumerate() {
        png(&sandbox.path(&format!("{i}.png")), image);
    }
    let file = |i: usize| vec!["--query".to_owned(), format!("{i}.png")];
    assert_eq!(members(&sandbox, "run", 24, file), 19, "24 points, a fifth held out");
    png(&sandbox.path("other.png"), &[1, 2, 3, 4]);
    assert_eq!(asks(&sandbox, "run", &["--query", "other.png"]), "absent");
    sandbox.fails(&["init", "other", "--data", "x.gz"], 2, &["--labels"]);
}

#[test]
fn tables_of_fractions_with_a_scale() {
    let sandbox = Sandbox::new();
    let (points, labels) = pixels();
    let mut text = "\"w, left\",x,y,z,kind\r\n".to_owned();
    for (row, label) in points.chunks(4).zip(&labels) {
        let fractions: Vec<String> = row.iter().map(|x| format!("{}", f64::from(*x) / 255.0 - 0.25)).collect();
        text += &format!("{},{label}\r\n", fractions.join(","));
    }
    sandbox.write("t.csv", &text);
    runs(&sandbox, "run", &["--data", "t.csv"]);
    let config = String::from_utf8(sandbox.read("run/zkdl.toml")).unwrap();
    assert!(config.contains("\nscale = "), "{config}");
    let line = |i: usize| ["--query", "t.csv", "--row", &i.to_string()].map(str::to_owned).to_vec();
    assert_eq!(members(&sandbox, "run", 24, line), 19);
    sandbox.write("far.csv", "a,b,c,d\n0.5,0.5,0.5,0.5\n");
    assert_eq!(asks(&sandbox, "run", &["--query", "far.csv"]), "absent");
    sandbox.write("wide.csv", "a,b,c,d\n0.5,0.5,0.5,9e9\n");
    let question = ["--query", "wide.csv", "--nonce", NONCE];
    sandbox.fails(&[&["absent", "prove", "run"], &question[..]].concat(), 2, &["wide.csv", "column d"]);
}

#[test]
fn arrays_of_numpy_alone_and_in_an_archive() {
    let sandbox = Sandbox::new();
    let (points, labels) = pixels();
    let floats: Vec<u8> = points.iter().flat_map(|x| (f32::from(*x) / 4.0).to_le_bytes()).collect();
    let classes: Vec<u8> = labels.iter().flat_map(|x| i64::from(*x).to_le_bytes()).collect();
    let (x, y) = (npy("<f4", "(24, 4)", &floats), npy("<i8", "(24,)", &classes));
    std::fs::write(sandbox.path("x.npy"), &x).unwrap();
    std::fs::write(sandbox.path("y.npy"), &y).unwrap();
    runs(&sandbox, "run", &["--data", "x.npy", "--labels", "y.npy"]);
    let mut archive = zip::ZipWriter::new(std::fs::File::create(sandbox.path("a.npz")).unwrap());
    for (name, bytes) in [("x.npy", x), ("y.npy", y)] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap();
    runs(&sandbox, "packed", &["--data", "a.npz"]);
    let mut text = "a,b,c,d\n".to_owned();
    for row in points.chunks(4) {
        text += &(row.iter().map(|x| (f32::from(*x) / 4.0).to_string()).collect::<Vec<_>>().join(",") + "\n");
    }
    sandbox.write("mine.csv", &text);
    let line = |i: usize| ["--query", "mine.csv", "--row", &i.to_string()].map(str::to_owned).to_vec();
    for run in ["run", "packed"] {
        assert_eq!(members(&sandbox, run, 24, line), 19, "{run}");
    }
}

#[test]
fn batches_of_cifar_10() {
    let sandbox = Sandbox::new();
    let record = |i: u8| [vec![i % 3], (0..3072).map(|k| (usize::from(i) * 31 + k * 7) as u8).collect()].concat();
    std::fs::write(sandbox.path("batch.bin"), (0..9).flat_map(record).collect::<Vec<u8>>()).unwrap();
    runs(&sandbox, "run", &["--data", "batch.bin"]);
    let shown = sandbox.json(&["data", "show", "run", "--json"]);
    assert_eq!(shown["data"]["image"]["planar"], true);
    // The owner's picture has the channels of a pixel together.
    let point = record(2);
    let picture: Vec<u8> = (0..1024).flat_map(|i| [0, 1, 2].map(|c| point[1 + c * 1024 + i])).collect();
    let mut encoder = png::Encoder::new(std::fs::File::create(sandbox.path("2.png")).unwrap(), 32, 32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&picture).unwrap();
    let verdict = asks(&sandbox, "run", &["--query", "2.png"]);
    let table = (0..3072).map(|k| format!("p{k}")).collect::<Vec<_>>().join(",");
    let row = point[1..].iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    sandbox.write("2.csv", &format!("{table}\n{row}\n"));
    assert_eq!(asks(&sandbox, "run", &["--query", "2.csv"]), verdict, "a picture and a row are the same point");
}

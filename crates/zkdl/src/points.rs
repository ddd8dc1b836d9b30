//! Committing data points: one row a point, features, then the one-hot label.
//!
//! ```text
//! C_i = sum_j x_ij G_j + G_(d + label_i) + r_i H
//! ```
//!
//! The table committer takes bytes, so every block of rows is written as bytes above the least value of each column:
//! `x_ij = low_j + sum_k 2^(8 k) byte_ijk`, with the generator `2^(8 k) G_j` for byte k and one more column, always 1, for
//! `sum_j low_j G_j`. Pixels, negative and large integers thus cost 45 ns a byte that is not zero (one thread).

use crate::commitment::{BlindedRows, coordinates, draw};
use crate::error::ProveError;
use crate::hedge::Hedge;
use zeroize::Zeroizing;
use zkdl_commit::blinds::Entropy;
use zkdl_commit::msm::msm_i64;
use zkdl_commit::table::commit_bytes;
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::number::to_usize;
use zkdl_field::generators::Generators;
use zkdl_field::{Affine, Point, Scalar, group};

/// What the owner of a data set knows of it.
#[derive(Clone, Copy)]
pub struct DataSet<'a> {
    /// Features of all committed points, row-major.
    pub features: &'a [i32],
    /// Their classes.
    pub labels: &'a [u32],
    /// Blinds of their commitments.
    pub blinds: &'a [Scalar],
}

impl DataSet<'_> {
    /// Checks that the sizes are those of the descriptor.
    pub(crate) fn check(&self, data: &Descriptor) -> Result<(), ProveError> {
        let points = to_usize(data.points);
        let sizes = [
            ("the number of labels", self.labels.len(), points),
            ("the number of feature values", self.features.len(), points.saturating_mul(to_usize(data.features))),
            ("the number of point blinds", self.blinds.len(), points),
        ];
        for (what, got, expected) in sizes {
            if got != expected {
                return Err(ProveError::Witness { what, got, expected });
            }
        }
        match self.labels.iter().find(|label| **label >= data.classes) {
            Some(label) => {
                let expected = to_usize(data.classes).saturating_sub(1);
                Err(ProveError::Witness { what: "a label", got: to_usize(*label), expected })
            }
            None => Ok(()),
        }
    }

    /// Hedges blinds: proofs and answers from other data never share one, even if the system's randomness repeats.
    pub(crate) fn hedge(&self) -> Zeroizing<[u8; 64]> {
        Hedge::new().integers(self.features).scalars(self.blinds).finish()
    }
}

/// Points that are committed together: what is worth a table for every column, and little enough to report progress.
pub const BLOCK: usize = 1 << 13;

/// Draws the blinds of data points, hedged with the points. `features` is row-major, `labels.len()` rows.
///
/// # Errors
/// [`ProveError::Randomness`].
pub fn draw_blinds(
    features: &[i32],
    labels: &[u32],
    entropy: &mut dyn Entropy,
) -> Result<Zeroizing<Vec<Scalar>>, ProveError> {
    draw(entropy, Hedge::new().integers(features).integers(labels), labels.len())
}

/// Commits data points under fresh blinds.
///
/// # Errors
/// [`ProveError::Randomness`]; [`ProveError::Witness`] if the sizes do not fit or `generators` has too few columns.
pub fn commit_points(
    generators: &Generators,
    features: &[i32],
    labels: &[u32],
    classes: usize,
    entropy: &mut dyn Entropy,
) -> Result<BlindedRows, ProveError> {
    let blinds = draw_blinds(features, labels, entropy)?;
    let rows = points_with_blinds(generators, features, labels, classes, &blinds)?;
    Ok(BlindedRows { rows, blinds })
}

/// The commitments to data points under given blinds: whoever keeps rows and blinds finds the public commitments again, all
/// at once or a stretch at a time.
///
/// # Errors
/// [`ProveError::Witness`] if the sizes do not fit, also unless there is one blind a point; [`ProveError::Degenerate`].
pub fn points_with_blinds(
    generators: &Generators,
    features: &[i32],
    labels: &[u32],
    classes: usize,
    blinds: &[Scalar],
) -> Result<Vec<[u8; 32]>, ProveError> {
    let width = features.len().checked_div(labels.len()).unwrap_or(0);
    check_sizes(generators, (features.len(), width), labels, classes, blinds)?;
    let mut rows = Vec::with_capacity(labels.len());
    for ((features, labels), blinds) in
        features.chunks(BLOCK.saturating_mul(width).max(1)).zip(labels.chunks(BLOCK)).zip(blinds.chunks(BLOCK))
    {
        let block = Block { features, labels, width, classes };
        rows.extend(block.commit(generators, blinds)?.iter().map(group::encode));
    }
    Ok(rows)
}

fn check_sizes(
    generators: &Generators,
    (features, width): (usize, usize),
    labels: &[u32],
    classes: usize,
    blinds: &[Scalar],
) -> Result<(), ProveError> {
    let (points, columns) = (labels.len(), width.saturating_add(classes));
    let largest = labels.iter().map(|l| to_usize(*l).saturating_add(1)).max().unwrap_or(0);
    let sizes = [
        ("the number of feature values", features, width.saturating_mul(points)),
        ("the number of label classes", largest.max(classes), classes),
        ("the number of columns", generators.columns.len().min(columns), columns),
        ("the number of point blinds", blinds.len(), points),
    ];
    match sizes.into_iter().find(|(_, got, expected)| got != expected) {
        Some((what, got, expected)) => Err(ProveError::Witness { what, got, expected }),
        None => Ok(()),
    }
}

/// Rows that share their tables.
struct Block<'a> {
    features: &'a [i32],
    labels: &'a [u32],
    width: usize,
    classes: usize,
}

/// How the integers of a column become bytes.
#[derive(Clone, Copy)]
struct Column {
    /// The least of them.
    low: i32,
    /// Bytes of the greatest difference to it.
    bytes: usize,
}

impl Block<'_> {
    fn commit(&self, generators: &Generators, blinds: &[Scalar]) -> Result<Vec<Affine>, ProveError> {
        let columns = self.columns();
        let bases = self.bases(generators, &columns)?;
        let bytes = Zeroizing::new(self.bytes(&columns, bases.len()));
        let rows: Vec<&[u8]> = bytes.chunks_exact(bases.len().max(1)).collect();
        Ok(commit_bytes(&bases, &rows, &generators.blinds(blinds)?))
    }

    fn columns(&self) -> Vec<Column> {
        let mut ends = vec![(i32::MAX, i32::MIN); self.width];
        for row in self.features.chunks_exact(self.width.max(1)) {
            for ((low, high), x) in ends.iter_mut().zip(row) {
                (*low, *high) = ((*low).min(*x), (*high).max(*x));
            }
        }
        let bytes =
            |low: i32, high: i32| to_usize(u32::BITS.saturating_sub(high.abs_diff(low).leading_zeros()).div_ceil(8));
        ends.into_iter().map(|(low, high)| Column { low, bytes: bytes(low, high) }).collect()
    }

    /// A generator for every byte of a row: of the features, of the label, and of what the columns have in common.
    fn bases(&self, generators: &Generators, columns: &[Column]) -> Result<Vec<Affine>, ProveError> {
        let (features, labels) = generators.columns.split_at(self.width);
        let mut bases: Vec<Point> = Vec::new();
        for (generator, column) in features.iter().zip(columns) {
            bases.extend((0..column.bytes).scan(Point::from(*generator), |next, _| {
                let base = *next;
                *next = (0..8).fold(base, |p, _| p + p);
                Some(base)
            }));
        }
        bases.extend(labels.iter().take(self.classes).map(|g| Point::from(*g)));
        let lows: Vec<i64> = columns.iter().map(|c| i64::from(c.low)).collect();
        let common = msm_i64(&coordinates(features)?, &lows);
        if !group::is_identity(&common) {
            bases.push(common);
        }
        Ok(group::normalize(&bases))
    }

    /// The rows, `length` bytes each, in the order of [`Self::bases`].
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "prover only: what fits memory; 4 bytes or less"
    )]
    fn bytes(&self, columns: &[Column], length: usize) -> Vec<u8> {
        let mut all = Vec::with_capacity(length * self.labels.len());
        for (row, label) in self.features.chunks(self.width.max(1)).zip(self.labels) {
            let end = all.len() + length;
            for (x, column) in row.iter().zip(columns) {
                all.extend(&x.abs_diff(column.low).to_le_bytes()[..column.bytes]);
            }
            all.extend((0..self.classes).map(|c| u8::from(c == to_usize(*label))));
            all.resize(end, 1);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkdl_commit::blinds::OsEntropy;
    use zkdl_field::scalar::{from_i64, random};

    /// By definition, one product a column.
    fn plain(g: &Generators, row: &[i32], label: u32, blind: &Scalar) -> [u8; 32] {
        let features = row.iter().zip(&g.columns).map(|(x, g)| *g * from_i64(i64::from(*x)));
        let label = Point::from(g.columns[row.len() + label as usize]);
        group::encode(&group::affine(&(features.fold(label, |sum, p| sum + p) + g.blind * blind)))
    }

    #[test]
    fn every_kind_of_integer_is_committed_to_by_its_definition() {
        let g = Generators::derive("test", 8);
        let rows: [[i32; 5]; 4] =
            [[0, -5, 7, 1 << 19, i32::MIN], [255, -5, 7, -3, i32::MAX], [3, -5, 7, 0, 0], [0, -5, 6, 256, 1]];
        let (features, labels) = (rows.concat(), [2, 0, 1, 2]);
        let blinds: Vec<Scalar> = labels.iter().map(|_| random().unwrap()).collect();
        let got = points_with_blinds(&g, &features, &labels, 3, &blinds).unwrap();
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(got[i], plain(&g, row, labels[i], &blinds[i]), "row {i}");
            let alone = points_with_blinds(&g, row, &labels[i..=i], 3, &blinds[i..=i]).unwrap();
            assert_eq!(alone, [got[i]], "row {i} alone");
        }
    }

    #[test]
    fn blocks_join() {
        let g = Generators::derive("test", 4);
        let n = BLOCK + 3;
        let features: Vec<i32> = (0..2 * n as i32).map(|i| i % 700 - 300).collect();
        let labels: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
        let all = commit_points(&g, &features, &labels, 2, &mut OsEntropy).unwrap();
        for i in [0, BLOCK - 1, BLOCK, n - 1] {
            let row = &features[2 * i..2 * i + 2];
            assert_eq!(all.rows[i], plain(&g, row, labels[i], &all.blinds[i]), "row {i}");
        }
    }

    /// Nobody can look a point up by committing to a guess: equal points have unequal commitments.
    #[test]
    fn equal_points_have_unequal_commitments() {
        let g = Generators::derive("test", 4);
        let rows = commit_points(&g, &[1, 2, 1, 2, 1, 2], &[0, 0, 0], 2, &mut OsEntropy).unwrap().rows;
        assert!(rows[0] != rows[1] && rows[1] != rows[2] && rows[0] != rows[2]);
    }

    #[test]
    fn sizes_that_do_not_fit_are_named() {
        let g = Generators::derive("test", 4);
        let commit = |features: &[i32], labels: &[u32], blinds: usize| {
            points_with_blinds(&g, features, labels, 2, &vec![Scalar::from(1); blinds])
        };
        assert!(matches!(commit(&[1, 2, 3], &[0, 1], 2), Err(ProveError::Witness { got: 3, expected: 2, .. })));
        assert!(matches!(commit(&[1, 2], &[0, 2], 2), Err(ProveError::Witness { got: 3, expected: 2, .. })));
        assert!(matches!(commit(&[1, 2], &[0, 1], 1), Err(ProveError::Witness { got: 1, expected: 2, .. })));
        assert!(matches!(commit(&[1, 2, 3], &[0], 1), Err(ProveError::Witness { got: 4, expected: 5, .. })));
    }
}

//! Ranges: every feature of every committed point is an integer in its column's range, and every label is one-hot.
//!
//! A column that takes min ..= min + M, k = floor(log2(M + 1)), has k bits of weights 1, 2, .., 2^(k-1) and, unless M + 1 is
//! a power of two, one more of weight M - (2^k - 1). Whatever the bits are, their sum is in 0 ..= M; and every v in
//! 0 ..= M has them: from 2^k on, v minus the last weight is in 0 .. 2^k. So booleanity and linear equations say it all.
//! The bits of a point lie behind one another, then one bit a class, then padding to K cells of 128 bits.
//!
//! ```text
//! P: rows of the bits of all points (committed before)
//! V: tau (log N), mu (log K + 7), rho
//!    booleanity of all bits: a product, and b at (r_i, r_q)
//!    query bits: b = sum_i eq(r_i,i) <bits_i, eq(r_q)>
//!    query ranges: sum_i eq(tau,i) (<x_i, p> + <bits_i, u>) = ind_N(tau) constant, which is the rho combination of
//!      rho^j          x_j - sum weight bit = min_j
//!      rho^(d+a)      y_a - bit_a = 0
//!      rho^(d+c)      sum_a bit_a = 1
//!      rho^(d+c+1+a)  padding bit a = 0
//! ```
//!
//! d features, c classes. Behind features and label a point's row is slack, which the opening forces to zero.
//!
//! Cost: beside committing, the prover reads every byte of bits eight times, two of them in the opening; a look-up or an
//! addition each. Memory 32 bytes a cell beside the bits.

use crate::booleanity::{self, Booleanity, Sizes};
use crate::progress::Argument;
use crate::rows::{Class, Packing, first, item_classes};
use crate::selection::Query;
use crate::shape::size;
use crate::window::Obligations;
use rayon::prelude::*;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_field::Scalar;
use zkdl_field::multilinear::{eq_table, prefix};
use zkdl_field::scalar::{from_i64, powers};
use zkdl_transcript::ReadError;

/// Bytes of a cell.
const CELL: usize = 16;

/// The bits of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    min: i32,
    /// k.
    plain: u32,
    /// Weight of the bit behind them; 0 if there is none.
    extra: u64,
}

#[expect(clippy::arithmetic_side_effects, reason = "an i32 has 2^32 values: no range has more")]
impl Column {
    fn new(range: &RangeInclusive<i32>) -> Self {
        let most = u64::from(range.end().abs_diff(*range.start()));
        let plain = (most + 1).ilog2();
        Self { min: *range.start(), plain, extra: most + 1 - (1 << plain) }
    }

    fn bits(&self) -> u32 {
        self.plain + u32::from(self.extra > 0)
    }

    /// The bits of a value, the lowest first; nothing if it is out of range.
    fn encode(&self, value: i32) -> Option<u64> {
        let v = u64::try_from(i64::from(value) - i64::from(self.min)).ok()?;
        let limit = 1u64 << self.plain;
        match v {
            v if v < limit => Some(v),
            v if v < limit + self.extra => Some(v - self.extra + limit),
            _ => None,
        }
    }

    fn weights(&self) -> impl Iterator<Item = u64> {
        let extra = (self.extra > 0).then_some(self.extra);
        (0..self.plain).map(|bit| 1 << bit).chain(extra)
    }
}

/// Which bits stand for a point, and how points lie in rows.
#[derive(Debug, Clone)]
pub struct Layout {
    columns: Vec<Column>,
    /// c.
    classes: usize,
    /// Bits of the features.
    feature_bits: usize,
    /// N.
    points: usize,
    /// Columns of a committed row.
    row_columns: usize,
}

impl Layout {
    /// Points with features in these ranges, none of them empty, and one of so many classes, in rows of so many columns: at
    /// least [`Self::least_columns`].
    #[must_use]
    pub fn new(ranges: &[RangeInclusive<i32>], classes: usize, points: usize, row_columns: usize) -> Self {
        let columns: Vec<Column> = ranges.iter().map(Column::new).collect();
        let feature_bits = columns.iter().map(|c| size(c.bits())).sum();
        Self { columns, classes, feature_bits, points, row_columns }
    }

    /// Columns that a data row and the bits of a point need.
    #[must_use]
    pub fn least_columns(&self) -> usize {
        self.columns.len().saturating_add(self.classes).max(self.bits())
    }

    /// K.
    fn cells(&self) -> usize {
        self.feature_bits.saturating_add(self.classes).div_ceil(8 * CELL).max(1)
    }

    /// Bytes of the bits of a point.
    #[must_use]
    pub fn bytes(&self) -> usize {
        CELL.saturating_mul(self.cells())
    }

    /// Bits of a point, padding included.
    fn bits(&self) -> usize {
        self.bytes().saturating_mul(8)
    }

    /// How points are packed into rows of bits.
    #[must_use]
    pub fn packing(&self) -> Packing {
        Packing::new(self.points, self.bits(), self.row_columns)
    }

    /// Rows of bits, of the bytes of all points.
    #[must_use]
    pub fn rows<'b>(&self, bits: &'b [u8]) -> Vec<&'b [u8]> {
        bits.chunks(self.bytes() << self.packing().log).collect()
    }

    /// The bits of all points; nothing if a feature is out of range or a label is no class.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "prover only: bits that fit into memory")]
    pub fn pack(&self, features: &[i32], labels: &[u32]) -> Option<Zeroizing<Vec<u8>>> {
        let mut bits = Zeroizing::new(vec![0; self.points * self.bytes()]);
        let points = features.par_chunks(self.columns.len().max(1)).zip(labels);
        let packed = bits.par_chunks_mut(self.bytes()).zip(points);
        packed.with_min_len(16).map(|(bytes, (x, label))| self.pack_point(bytes, x, *label)).collect::<Option<()>>()?;
        Some(bits)
    }

    #[expect(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "prover only: words of at most 63 bits")]
    fn pack_point(&self, bytes: &mut [u8], x: &[i32], label: u32) -> Option<()> {
        let (mut word, mut filled, mut words) = (0u64, 0, bytes.chunks_exact_mut(4));
        for (column, value) in self.columns.iter().zip(x) {
            // At most 32 bits, behind less than 32.
            word |= column.encode(*value)? << filled;
            filled += column.bits();
            if filled >= 32 {
                words.next()?.copy_from_slice(&(word as u32).to_le_bytes());
                (word, filled) = (word >> 32, filled - 32);
            }
        }
        if let Some(rest) = words.next() {
            rest.copy_from_slice(&(word as u32).to_le_bytes());
        }
        if label as usize >= self.classes {
            return None;
        }
        let bit = self.feature_bits + label as usize;
        *bytes.get_mut(bit / 8)? |= 1 << (bit % 8);
        Some(())
    }

    fn sizes(&self) -> Sizes {
        Sizes { rows: self.points, cells: self.cells(), bytes: CELL }
    }
}

/// The challenges.
struct Challenges {
    tau: Vec<Scalar>,
    mu: Vec<Scalar>,
    rho: Scalar,
}

impl Challenges {
    fn draw(layout: &Layout, mut draw: impl FnMut(&'static str, usize) -> Vec<Scalar>) -> Self {
        let tau = draw("ranges.tau", layout.sizes().log_rows());
        let mu = draw("ranges.mu", layout.sizes().log_row_bits());
        Self { tau, mu, rho: draw("ranges.rho", 1).into_iter().sum() }
    }
}

/// The weights of one equation that combines all linear ones of a point: `<x, data> + <bits, bits> = constant`.
struct Recomposition {
    data: Vec<Scalar>,
    bits: Vec<Scalar>,
    constant: Scalar,
}

impl Recomposition {
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "whole cells hold all bits, and the columns of a row both them and the data: see `Layout::least_columns`"
    )]
    fn new(layout: &Layout, rho: Scalar) -> Self {
        let (d, classes) = (layout.columns.len(), layout.classes);
        let padding = layout.bits() - layout.feature_bits - classes;
        let powers = powers(rho, d + classes + 1 + padding);
        let (data, rest) = powers.split_at(d + classes);
        let (one_hot, padding) = rest.split_at(1);
        // One power, that of the sum of the label columns.
        let one_hot: Scalar = one_hot.iter().sum();
        let mut constant = one_hot;
        let mut bits = Vec::with_capacity(layout.bits());
        for (column, power) in layout.columns.iter().zip(&powers) {
            constant += power * from_i64(i64::from(column.min));
            bits.extend(column.weights().map(|weight| -(power * Scalar::from(weight))));
        }
        bits.extend(data.iter().skip(d).map(|power| one_hot - power));
        bits.extend(padding);
        Self { data: data.to_vec(), bits, constant }
    }
}

/// All data rows at tau, and all rows of bits.
fn range_query<H: Hidden>(layout: &Layout, at: &Challenges) -> Query<H> {
    let all = Recomposition::new(layout, at.rho);
    let rows = eq_table(&at.tau).into_iter().take(layout.points).enumerate().collect();
    let mut classes = vec![Class { rows, columns: all.data }];
    classes.extend(item_classes(layout.packing(), layout.points, &at.tau, &all.bits));
    Query { name: "ranges", classes, value: H::public(prefix(layout.points, &at.tau) * all.constant) }
}

fn obligations<H: Hidden>(layout: &Layout, at: &Challenges, bits: Booleanity<H>) -> Obligations<H> {
    let at_bits = eq_table(&bits.within);
    let classes = item_classes(layout.packing(), layout.points, &bits.row, first(&at_bits, layout.bits()));
    let bit_query = Query { name: "bits", classes, value: bits.value };
    Obligations { products: vec![bits.product], queries: vec![bit_query, range_query(layout, at)] }
}

/// Proves everything about points and bits but a product and two queries; data rows come first in the list of rows, then
/// those of [`Layout::rows`]. `bits` are the bytes of [`Layout::pack`].
pub fn prove<P: ProverChannel>(
    channel: &mut P,
    layout: &Layout,
    bits: &[u8],
    progress: &mut dyn FnMut(Argument),
) -> Obligations<Opening> {
    let at = Challenges::draw(layout, |label, n| channel.challenges(label, n));
    let bits = booleanity::prove(channel, &layout.sizes(), bits, [&at.tau, &at.mu], progress);
    obligations(layout, &at, bits)
}

/// The verifier's side of [`prove`].
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(channel: &mut V, layout: &Layout) -> Result<Obligations<V::Value>, ReadError> {
    let at = Challenges::draw(layout, |label, n| channel.challenges(label, n));
    let bits = booleanity::verify(channel, &layout.sizes(), [&at.tau, &at.mu])?;
    Ok(obligations(layout, &at, bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every pattern of bits is worth a value in range, and every value has a pattern that is worth it.
    #[test]
    fn patterns_are_exactly_the_range() {
        let worth = |column: &Column, pattern: u64| -> i64 {
            let bits = column.weights().enumerate().filter(|(bit, _)| pattern >> bit & 1 == 1);
            i64::from(column.min) + bits.map(|(_, weight)| weight as i64).sum::<i64>()
        };
        for (min, most) in (0..70).map(|most| (most - 30, most)) {
            let range = min..=min + most;
            let column = Column::new(&range);
            assert!((0..1 << column.bits()).all(|pattern| range.contains(&(worth(&column, pattern) as i32))));
            for value in range.clone() {
                assert_eq!(worth(&column, column.encode(value).unwrap()), i64::from(value));
            }
            assert_eq!([column.encode(min - 1), column.encode(min + most + 1)], [None, None]);
        }
        let whole = Column::new(&(i32::MIN..=i32::MAX));
        assert_eq!((whole.plain, whole.extra, whole.encode(-1)), (32, 0, Some((1 << 31) - 1)));
        let odd = Column::new(&(i32::MIN..=i32::MAX - 1));
        assert_eq!((odd.bits(), worth(&odd, odd.encode(i32::MAX - 1).unwrap())), (32, i64::from(i32::MAX - 1)));
    }

    proptest! {
        /// The words of the packer against a list of bits.
        #[test]
        fn packed_points_are_their_bits(
            columns in prop::collection::vec((-(1 << 20)..1 << 20, 0..1 << 20, any::<u32>()), 0..40),
            classes in 1u32..150,
            label: u32,
        ) {
            let ranges: Vec<_> = columns.iter().map(|(min, most, _)| *min..=min + most).collect();
            let x: Vec<i32> = columns.iter().map(|(min, most, n)| min + (n % (*most as u32 + 1)) as i32).collect();
            let layout = Layout::new(&ranges, classes as usize, 1, 1 << 12);
            let mut bytes = vec![0; layout.bytes()];
            let label = label % classes;
            prop_assert_eq!(layout.pack_point(&mut bytes, &x, label), Some(()));
            let mut bits: Vec<bool> = Vec::new();
            for (column, value) in layout.columns.iter().zip(&x) {
                let pattern = column.encode(*value).unwrap();
                bits.extend((0..column.bits()).map(|bit| pattern >> bit & 1 == 1));
            }
            bits.extend((0..classes).map(|class| class == label));
            bits.resize(8 * layout.bytes(), false);
            prop_assert!(bits.iter().enumerate().all(|(i, bit)| bytes[i / 8] >> (i % 8) & 1 == u8::from(*bit)));
            prop_assert_eq!(layout.pack_point(&mut bytes, &x, classes), None);
        }
    }
}

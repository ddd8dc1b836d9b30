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
//!    sumcheck over the bits, the cells, the points (degree 3) of 0 = sum_{i,q} eq(tau,i) eq(mu,q) (b(i,q)^2 - b(i,q))
//! P: Com b at the point r
//!    product E b b = v + E b,  E = eq((tau,mu), r), v the last claim
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

use crate::bit_cells::BitCells;
use crate::bits::{BitSum, CellRows, RowWeights};
use crate::progress::Argument;
use crate::rows::{Class, Classes, Packing, column_weights};
use crate::selection::Query;
use crate::window::Obligations;
use rayon::prelude::*;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_commit::sigma::Product;
use zkdl_field::multilinear::{eq, eq_table, log2_ceil, prefix};
use zkdl_field::scalar::{from_i64, powers};
use zkdl_field::{Field, Scalar};
use zkdl_sumcheck as sumcheck;
use zkdl_transcript::ReadError;

/// Bytes of a cell.
const CELL: usize = 16;
/// Variables within a cell.
const CELL_VARIABLES: usize = 7;

/// The bits of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    min: i32,
    /// k.
    plain: u32,
    /// Weight of the bit behind them; 0 if there is none.
    extra: u64,
}

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
        let feature_bits = columns.iter().map(|c| c.bits() as usize).sum();
        Self { columns, classes, feature_bits, points, row_columns }
    }

    /// Columns that a data row and the bits of a point need.
    #[must_use]
    pub fn least_columns(&self) -> usize {
        (self.columns.len() + self.classes).max(8 * self.bytes())
    }

    /// K.
    fn cells(&self) -> usize {
        (self.feature_bits + self.classes).div_ceil(8 * CELL).max(1)
    }

    /// Bytes of the bits of a point.
    #[must_use]
    pub fn bytes(&self) -> usize {
        CELL * self.cells()
    }

    /// How points are packed into rows of bits.
    #[must_use]
    pub fn packing(&self) -> Packing {
        Packing::new(self.points, 8 * self.bytes(), self.row_columns)
    }

    /// Rows of bits, of the bytes of all points.
    #[must_use]
    pub fn rows<'b>(&self, bits: &'b [u8]) -> Vec<&'b [u8]> {
        bits.chunks(self.bytes() << self.packing().log).collect()
    }

    /// The bits of all points; nothing if a feature is out of range or a label is no class.
    #[must_use]
    pub fn pack(&self, features: &[i32], labels: &[u32]) -> Option<Zeroizing<Vec<u8>>> {
        let mut bits = Zeroizing::new(vec![0; self.points * self.bytes()]);
        let points = features.par_chunks(self.columns.len().max(1)).zip(labels);
        let packed = bits.par_chunks_mut(self.bytes()).zip(points);
        packed.with_min_len(16).map(|(bytes, (x, label))| self.pack_point(bytes, x, *label)).collect::<Option<()>>()?;
        Some(bits)
    }

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

    fn log_points(&self) -> usize {
        log2_ceil(self.points)
    }

    fn log_cells(&self) -> usize {
        log2_ceil(self.cells())
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
        let tau = draw("ranges.tau", layout.log_points());
        let mu = draw("ranges.mu", layout.log_cells() + CELL_VARIABLES);
        Self { tau, mu, rho: draw("ranges.rho", 1).into_iter().sum() }
    }

    /// mu by cell of a point and by bit of a cell.
    fn split_mu(&self, layout: &Layout) -> (&[Scalar], &[Scalar]) {
        self.mu.split_at(layout.log_cells())
    }
}

/// The weights of one equation that combines all linear ones of a point: `<x, data> + <bits, bits> = constant`.
struct Recomposition {
    data: Vec<Scalar>,
    bits: Vec<Scalar>,
    constant: Scalar,
}

impl Recomposition {
    fn new(layout: &Layout, rho: Scalar) -> Self {
        let (d, width) = (layout.columns.len(), layout.columns.len() + layout.classes);
        let padding = 8 * layout.bytes() - layout.feature_bits - layout.classes;
        let powers = powers(rho, width + 1 + padding);
        let one_hot = powers[width];
        let mut constant = one_hot;
        let mut bits = Vec::with_capacity(8 * layout.bytes());
        for (column, power) in layout.columns.iter().zip(&powers) {
            constant += power * from_i64(i64::from(column.min));
            bits.extend(column.weights().map(|weight| -(power * Scalar::from(weight))));
        }
        bits.extend(powers[d..width].iter().map(|power| one_hot - power));
        bits.extend(&powers[width + 1..]);
        Self { data: powers[..width].to_vec(), bits, constant }
    }
}

/// The classes of all rows of bits: `within` weighs the bits of a point, eq(p) the points.
fn bit_classes(layout: &Layout, p: &[Scalar], within: &[Scalar]) -> Vec<Class> {
    let packing = layout.packing();
    let (high, low) = packing.split(p);
    let mut classes = Classes::new();
    for (row, weight) in (0..packing.rows()).zip(high) {
        let items = packing.range(row).len();
        let columns = || column_weights(&low[..items], within, within.len());
        classes.add(items, layout.points + row, weight, columns);
    }
    classes.finish()
}

/// All data rows at tau, and all rows of bits.
fn range_query<H: Hidden>(layout: &Layout, at: &Challenges) -> Query<H> {
    let all = Recomposition::new(layout, at.rho);
    let rows = eq_table(&at.tau).into_iter().take(layout.points).enumerate().collect();
    let mut classes = vec![Class { rows, columns: all.data }];
    classes.extend(bit_classes(layout, &at.tau, &all.bits));
    Query { name: "ranges", classes, value: H::public(prefix(layout.points, &at.tau) * all.constant) }
}

/// What is left: `r` is the point by point and cell, `r_q` by bit of a cell, `b` the hidden value there.
fn obligations<H: Hidden>(
    layout: &Layout,
    at: &Challenges,
    (r, r_q): (&[Scalar], &[Scalar]),
    last_claim: H,
    b: H,
) -> Obligations<H> {
    let (r_i, r_x) = r.split_at(layout.log_points());
    let within = [r_x, r_q].concat();
    let scaled = b.clone() * (eq(&at.tau, r_i) * eq(&at.mu, &within));
    let product = Product { name: "booleanity", x: scaled.clone(), y: b.clone(), z: last_claim + scaled };
    let within = &eq_table(&within)[..8 * layout.bytes()];
    let bits = Query { name: "bits", classes: bit_classes(layout, r_i, within), value: b };
    Obligations { products: vec![product], queries: vec![bits, range_query(layout, at)] }
}

/// Cells of a row of [`long_rows`], at least.
const LONG: usize = 128;

/// The cells as [`BitSum`] likes them: several points a row, so that it has many columns, and the points that are left in one
/// that is shorter.
fn long_rows<'b>(layout: &Layout, bits: &'b [u8], tau: &[Scalar], mu_x: &[Scalar]) -> ([CellRows<'b>; 2], RowWeights) {
    let log = log2_ceil(LONG.div_ceil(layout.cells())).min(layout.log_points());
    let packing = Packing { items: layout.points, log };
    let (mut rows, items) = packing.split(tau);
    let columns = column_weights(&items, &eq_table(mu_x)[..layout.cells()], layout.cells());
    let (full, rest) = (layout.points >> log, layout.points & ((1 << log) - 1));
    let last = rows.split_off(full).into_iter().take(usize::from(rest > 0)).collect();
    let (whole, left) = bits.split_at(full * (layout.bytes() << log));
    let cells = |cells, points: usize| CellRows { cells, stride: CELL, width: points * layout.cells() };
    ([cells(whole, 1 << log), cells(left, rest)], RowWeights { rows: vec![rows, last], columns })
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
    let (mu_x, mu_q) = at.split_mu(layout);
    progress(Argument::Bits);
    let (cells, weights) = long_rows(layout, bits, &at.tau, mu_x);
    let mut sum = BitSum::new(&cells, &weights, mu_q);
    let zero = Opening::public(Scalar::ZERO);
    let (claim, r_q) = sumcheck::prove(channel, "ranges.bit", zero, &[3; CELL_VARIABLES], &mut sum);
    progress(Argument::Cells);
    let mut sum = BitCells::new(bits, layout.cells(), sum.worth(), (&at.tau, mu_x), eq(mu_q, &r_q));
    let degrees = vec![3; layout.log_cells() + layout.log_points()];
    let (claim, r) = sumcheck::prove(channel, "ranges.cell", claim, &degrees, &mut sum);
    let b = channel.hide("ranges.b", sum.value());
    obligations(layout, &at, (&r, &r_q), claim, b)
}

/// The verifier's side of [`prove`].
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(channel: &mut V, layout: &Layout) -> Result<Obligations<V::Value>, ReadError> {
    let at = Challenges::draw(layout, |label, n| channel.challenges(label, n));
    let zero = V::Value::public(Scalar::ZERO);
    let (claim, r_q) = sumcheck::verify(channel, "ranges.bit", zero, &[3; CELL_VARIABLES])?;
    let degrees = vec![3; layout.log_cells() + layout.log_points()];
    let (claim, r) = sumcheck::verify(channel, "ranges.cell", claim, &degrees)?;
    let b = channel.receive("ranges.b")?;
    Ok(obligations(layout, &at, (&r, &r_q), claim, b))
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

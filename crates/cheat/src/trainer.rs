//! Naive integer training over i128, bit for bit what the statement says, with a hook for every step of it.
//!
//! A cheat replaces hooks; honest code carries the consequences on. Bits are field elements, so that a cheat can have bits
//! 2, -1 or 1/2.

use crate::sample::Sample;
use crate::witness::Witness;
use std::collections::BTreeMap;
use zkdl_arguments::Shape;
use zkdl_arguments::shape::Views;
use zkdl_field::scalar::{from_i128, pow2};
use zkdl_field::{Field, Scalar, scalar};

/// A slot's weights `[k][j]`, the bias last.
pub type Matrix = Vec<Vec<i128>>;
/// Features, as activations, and one-hot label.
pub type Example = (Vec<i128>, Vec<i128>);
/// Slot, step, example, neuron.
pub type Cell = [usize; 4];
/// The bits of a rounding: quotient, two's complement, then remainder.
pub type Decompose = Box<dyn Fn(&Trainer<'_>, i128, Cell) -> Vec<Scalar>>;
/// The weights that a pass of slot s at step t uses.
pub type PassWeights = Box<dyn Fn(&Trainer<'_>, usize, usize) -> Matrix>;

/// What is rounded at the output.
pub type Output = Box<dyn Fn(&Trainer<'_>, i128, i128, Cell) -> i128>;
/// G of a hidden cell from K, neg and P.
pub type HiddenGradient = Box<dyn Fn(&Trainer<'_>, i128, bool, i128, Cell) -> i128>;
/// A weight's update at (l, t, k, j).
pub type Step = Box<dyn Fn(&Trainer<'_>, i128, i128, [usize; 4]) -> i128>;
/// The bias's input at (l, t, b).
pub type BiasInput = Box<dyn Fn(&Trainer<'_>, [usize; 3]) -> i128>;
/// Features and label of example b of step t.
pub type DataRow = Box<dyn Fn(&Trainer<'_>, usize, usize) -> Example>;
/// c_t.
pub type Multiplier = Box<dyn Fn(&Trainer<'_>, usize) -> i128>;
/// Weights at the end.
pub type End = Box<dyn Fn(&Trainer<'_>) -> Vec<Matrix>>;
/// A change after training.
pub type Post = Box<dyn Fn(&mut Witness, &Shape)>;

/// The integers left the range of their bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

/// The steps of the algorithm; the default is the honest one.
pub struct Hooks {
    /// Bits of P and rem_Z from Z.
    pub dec_z: Decompose,
    /// Bits of K and rem_H from H.
    pub dec_h: Decompose,
    /// Bits of G and rem_L from what is rounded at the output.
    pub dec_o: Decompose,
    /// What is rounded at the output, from Z and the label.
    pub output: Output,
    /// A from P and neg.
    pub act: Box<dyn Fn(i128, bool, Cell) -> i128>,
    /// G of an output cell from its bits' G.
    pub g_output: Box<dyn Fn(i128, Cell) -> i128>,
    /// G of a hidden cell from K, neg and P.
    pub g_hidden: HiddenGradient,
    /// A new weight from the old one and `sum_b A G`, at (l, t, k, j).
    pub update: Step,
    /// Weights of the forward pass.
    pub forward: PassWeights,
    /// Weights of the backward pass.
    pub backward: PassWeights,
    /// The constant input of the bias at (l, t, b).
    pub bias: BiasInput,
    /// Features and one-hot label of example b of step t.
    pub row: DataRow,
    /// c_t.
    pub multiplier: Multiplier,
    /// The weights that training starts from, given the statement's.
    pub start: Box<dyn Fn(Vec<Matrix>) -> Vec<Matrix>>,
    /// The final weights that are committed.
    pub end: End,
    /// Changes what the prover computes with or commits to, after training.
    pub post: Post,
    /// Examples really trained on.
    pub batch: Option<usize>,
    /// Steps really trained.
    pub steps: Option<usize>,
    /// A neuron more in the first hidden layer than the statement has.
    pub wide: bool,
    /// Whether integers out of range are an error.
    pub strict: bool,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            dec_z: Box::new(honest::dec_z),
            dec_h: Box::new(honest::dec_h),
            dec_o: Box::new(honest::dec_o),
            output: Box::new(honest::output),
            act: Box::new(honest::act),
            g_output: Box::new(|g, _| g),
            g_hidden: Box::new(|_, k, neg, _, _| if neg { 0 } else { k }),
            update: Box::new(|_, w, delta, _| w - delta),
            forward: Box::new(|s, l, _| s.weights[l].clone()),
            backward: Box::new(|s, l, _| s.weights[l].clone()),
            bias: Box::new(|s, _| s.one()),
            row: Box::new(honest::row),
            multiplier: Box::new(honest::multiplier),
            start: Box::new(|w| w),
            end: Box::new(|s| s.weights.clone()),
            post: Box::new(|_, _| ()),
            batch: None,
            steps: None,
            wide: false,
            strict: false,
        }
    }
}

/// The honest steps, for cheats that change their results.
pub mod honest {
    use super::{Cell, Example, Scalar, Trainer};

    /// Bits of P and rem_Z.
    #[must_use]
    pub fn dec_z(s: &Trainer<'_>, z: i128, _: Cell) -> Vec<Scalar> {
        s.decompose(z, s.public.format.q, s.public.format.r)
    }

    /// Bits of K and rem_H.
    #[must_use]
    pub fn dec_h(s: &Trainer<'_>, h: i128, _: Cell) -> Vec<Scalar> {
        s.decompose(h, s.public.format.q_g, s.public.format.r)
    }

    /// Bits of G and rem_L.
    #[must_use]
    pub fn dec_o(s: &Trainer<'_>, v: i128, _: Cell) -> Vec<Scalar> {
        s.decompose(v, s.public.format.q_g, s.public.format.r_l)
    }

    /// `c_t (Z - 2^f_W Y)`.
    #[must_use]
    pub fn output(s: &Trainer<'_>, z: i128, y: i128, cell: Cell) -> i128 {
        (s.hooks.multiplier)(s, cell[1]) * (z - ((y * s.one()) << s.public.format.r))
    }

    /// ReLU.
    #[must_use]
    pub fn act(p: i128, neg: bool, _: Cell) -> i128 {
        if neg { 0 } else { p }
    }

    /// The scheduled row.
    #[must_use]
    pub fn row(s: &Trainer<'_>, t: usize, b: usize) -> Example {
        s.point(s.public.schedule[t][b] as usize)
    }

    /// c_t of the statement.
    #[must_use]
    pub fn multiplier(s: &Trainer<'_>, t: usize) -> i128 {
        i128::from(s.public.multipliers[t])
    }
}

/// Training in progress.
pub struct Trainer<'a> {
    /// The statement and its data.
    pub sample: &'a Sample,
    /// The statement's shape.
    pub public: &'a Shape,
    /// Widths really trained.
    pub widths: Vec<usize>,
    /// Examples really trained on.
    pub batch: usize,
    /// Steps really trained.
    pub steps: usize,
    /// The algorithm.
    pub hooks: &'a Hooks,
    /// Weights now.
    pub weights: Vec<Matrix>,
    /// Weights before the last update.
    pub old: Vec<Matrix>,
    /// Inputs of slot l at (l, t, b), the bias's constant last.
    pub a: BTreeMap<[usize; 3], Vec<i128>>,
    /// Z.
    pub z: BTreeMap<Cell, i128>,
    /// H.
    pub h: BTreeMap<Cell, i128>,
    /// neg and P.
    pub p: BTreeMap<Cell, (bool, i128)>,
    /// G.
    pub g: BTreeMap<Cell, i128>,
    /// Bits.
    pub bits: BTreeMap<Cell, Vec<Scalar>>,
    views: Views,
    overflow: std::cell::Cell<bool>,
}

impl<'a> Trainer<'a> {
    fn new(sample: &'a Sample, hooks: &'a Hooks) -> Self {
        let public = &sample.shape;
        let mut weights = (hooks.start)(sample.start.clone());
        let mut widths = public.widths.clone();
        if hooks.wide {
            widths[1] += 1;
            weights[0].iter_mut().for_each(|row| row.push(40));
            let bias = weights[1].len() - 1;
            weights[1].insert(bias, vec![50; widths[2]]);
        }
        Self {
            sample,
            public,
            widths,
            batch: hooks.batch.unwrap_or(public.batch),
            steps: hooks.steps.unwrap_or(public.steps()),
            hooks,
            old: weights.clone(),
            weights,
            a: BTreeMap::new(),
            z: BTreeMap::new(),
            h: BTreeMap::new(),
            p: BTreeMap::new(),
            g: BTreeMap::new(),
            bits: BTreeMap::new(),
            views: Views::new(public),
            overflow: std::cell::Cell::new(false),
        }
    }

    /// 1 with the fraction bits of activations.
    #[must_use]
    pub fn one(&self) -> i128 {
        1 << self.public.format.f_a
    }

    /// Features, as activations, and label of a committed point.
    #[must_use]
    pub fn point(&self, i: usize) -> Example {
        let shift = self.public.format.f_a - self.public.format.f_x;
        (self.sample.features[i].iter().map(|x| x << shift).collect(), self.sample.labels[i].clone())
    }

    /// Two's complement; what does not fit goes into the sign "bit".
    #[must_use]
    pub fn twos(&self, v: i128, bits: u32) -> Vec<Scalar> {
        let half = 1i128 << (bits - 1);
        if !(-half..half).contains(&v) {
            self.overflow.set(true);
        }
        let low = v & (half - 1);
        let mut out = unsigned(low, bits - 1);
        out.push(from_i128((low - v) >> (bits - 1)));
        out
    }

    /// Bits of `floor((v + 2^(r-1)) / 2^r)` and of the remainder.
    #[must_use]
    pub fn decompose(&self, v: i128, quotient: u32, r: u32) -> Vec<Scalar> {
        let shifted = v + (1 << (r - 1));
        [self.twos(shifted >> r, quotient), unsigned(shifted & ((1 << r) - 1), r)].concat()
    }

    fn layers(&self) -> usize {
        self.public.layers()
    }

    fn set_bits(&mut self, cell: Cell, place: u32, bits: &[Scalar]) {
        let all = self.bits.entry(cell).or_insert_with(|| vec![Scalar::ZERO; 1 << self.public.log_bits()]);
        all[place as usize..place as usize + bits.len()].copy_from_slice(bits);
    }

    fn view(&self, view: &[Scalar], cell: Cell) -> i128 {
        self.bits.get(&cell).map_or(0, |bits| centered(&scalar::dot(view, bits)))
    }

    /// G of all neurons of a slot.
    #[must_use]
    pub fn gradient(&self, l: usize, t: usize, b: usize) -> Vec<i128> {
        (0..self.widths[l + 1]).map(|j| self.g[&[l, t, b, j]]).collect()
    }

    fn forward(&mut self, t: usize, b: usize) {
        let (mut input, label) = (self.hooks.row)(self, t, b);
        for l in 0..self.layers() {
            input.push((self.hooks.bias)(self, [l, t, b]));
            let weights = (self.hooks.forward)(self, l, t);
            let mut next = Vec::new();
            for j in 0..self.widths[l + 1] {
                let z = input.iter().zip(&weights).map(|(a, row)| a * row[j]).sum();
                next.push(self.cell(z, &label, [l, t, b, j]));
            }
            self.a.insert([l, t, b], std::mem::replace(&mut input, next));
        }
    }

    /// One neuron: its bits, its activation if it is hidden, its gradient if it is not.
    fn cell(&mut self, z: i128, label: &[i128], cell: Cell) -> i128 {
        self.z.insert(cell, z);
        let f = self.public.format;
        if self.public.is_output(cell[0]) {
            let rounded = (self.hooks.output)(self, z, label[cell[3]], cell);
            self.set_bits(cell, 0, &(self.hooks.dec_o)(self, rounded, cell));
            self.g.insert(cell, (self.hooks.g_output)(self.view(&self.views.k, cell), cell));
            return 0;
        }
        self.set_bits(cell, f.q_g + f.r, &(self.hooks.dec_z)(self, z, cell));
        let neg = self.bits[&cell][f.neg_place()] != Scalar::ZERO;
        let sign: Vec<Scalar> = self.views.neg.iter().map(|x| x * pow2(f.q - 1)).collect();
        let p = self.view(&self.views.relu, cell) - self.view(&sign, cell);
        self.p.insert(cell, (neg, p));
        (self.hooks.act)(p, neg, cell)
    }

    fn backward(&mut self, t: usize, b: usize) {
        for l in (1..self.layers()).rev() {
            let weights = (self.hooks.backward)(self, l, t);
            let gradient = self.gradient(l, t, b);
            for (k, row) in weights.iter().enumerate().take(self.widths[l]) {
                let cell = [l - 1, t, b, k];
                let h = gradient.iter().zip(row).map(|(g, w)| g * w).sum();
                self.h.insert(cell, h);
                self.set_bits(cell, 0, &(self.hooks.dec_h)(self, h, cell));
                let (neg, p) = self.p[&cell];
                let g = (self.hooks.g_hidden)(self, self.view(&self.views.k, cell), neg, p, cell);
                self.g.insert(cell, g);
            }
        }
    }

    /// `sum_b A(k) G(j)`.
    fn delta(&self, l: usize, t: usize, k: usize, j: usize) -> i128 {
        (0..self.batch).map(|b| self.a[&[l, t, b]][k] * self.g[&[l, t, b, j]]).sum()
    }

    fn update(&mut self, t: usize) {
        let mut new = self.weights.clone();
        for (l, matrix) in new.iter_mut().enumerate() {
            for (k, row) in matrix.iter_mut().enumerate() {
                for (j, w) in row.iter_mut().enumerate() {
                    *w = (self.hooks.update)(self, *w, self.delta(l, t, k, j), [l, t, k, j]);
                }
            }
        }
        self.old = std::mem::replace(&mut self.weights, new);
    }
}

/// Trains as the hooks say.
///
/// # Errors
/// [`Overflow`] if the hooks are strict and an integer does not fit its bits.
pub fn train(sample: &Sample, hooks: &Hooks) -> Result<Witness, Overflow> {
    let mut s = Trainer::new(sample, hooks);
    let mut witness = Witness::new(sample, &s.weights);
    for t in 0..s.steps {
        witness.note_weights(&s, t, hooks);
        for b in 0..s.batch {
            s.forward(t, b);
            s.backward(t, b);
        }
        s.update(t);
    }
    if hooks.strict && s.overflow.get() {
        return Err(Overflow);
    }
    witness.finish(&s);
    (hooks.post)(&mut witness, &sample.shape);
    Ok(witness)
}

/// The honest witness.
///
/// # Errors
/// [`Overflow`] if an integer does not fit its bits.
pub fn honest(sample: &Sample) -> Result<Witness, Overflow> {
    train(sample, &Hooks { strict: true, ..Hooks::default() })
}

fn unsigned(v: i128, bits: u32) -> Vec<Scalar> {
    (0..bits).map(|i| Scalar::from((v >> i & 1) as u64)).collect()
}

/// The integer of least magnitude in a residue class; 0 if it has more than 120 bits.
#[must_use]
pub fn centered(x: &Scalar) -> i128 {
    let small = |x: &Scalar| {
        let bytes = scalar::encode(x);
        let (low, high) = bytes.split_at(15);
        let mut buffer = [0u8; 16];
        buffer[..15].copy_from_slice(low);
        high.iter().all(|b| *b == 0).then(|| i128::from_le_bytes(buffer))
    };
    small(x).or_else(|| small(&-x).map(|n| -n)).unwrap_or(0)
}

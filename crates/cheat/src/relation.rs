//! The equations of training over a witness in the field, checked one by one on tensors: no point, no challenge.

use crate::sample::Sample;
use crate::tensor::Tensor;
use crate::trainer::Cell;
use crate::witness::{Witness, field_bits, is_real, weight_exists};
use zkdl_arguments::Shape;
use zkdl_arguments::shape::Views;
use zkdl_field::scalar::{dot, pow2};
use zkdl_field::{Field, Scalar};

/// An equation of the relation, in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equation {
    /// Every bit of a real field is 0 or 1.
    Boolean,
    /// Nothing is computed with what does not exist: cells, bits, weights beyond the shape.
    Padding,
    /// Training starts from the statement's W_0.
    Start,
    /// `A^0(t, b) = 2^(f_A - f_X) x_idx(t,b)`, committed.
    Selection,
    /// The label is the scheduled point's, committed.
    Label,
    /// The bias's input is 2^f_A.
    Bias,
    /// `W_t = W_0 - sum_{s<t} A_s^T G_s` for the weights of both passes and at the end.
    Update,
    /// One A and one G for all uses.
    Shared,
    /// `Z = A W + 2^f_A 1 b`.
    Forward,
    /// `Z + 2^(R-1) = 2^R P + rem_Z`.
    Rounding,
    /// `A = (1-neg) Z''`.
    Activation,
    /// `c_t (Z - 2^f_W Y) + 2^(R_L-1) = 2^R_L G + rem_L`.
    Output,
    /// `H = G W^T`.
    Backward,
    /// `H + 2^(R-1) = 2^R K + rem_H`.
    BackwardRounding,
    /// `G = (1-neg) K`.
    Mask,
    /// The committed W_T is the last weights.
    End,
}

/// A witness under check.
struct Check<'a> {
    shape: &'a Shape,
    witness: &'a Witness,
    views: Views,
    /// `W_t` by t = 0..=T, `(l, c, k, j)`.
    weights: Vec<Tensor<4>>,
}

/// Whether an equation holds.
type Holds<'a> = fn(&Check<'a>) -> bool;

/// The equations that do not hold, in order.
#[must_use]
pub fn violated(sample: &Sample, witness: &Witness) -> Vec<Equation> {
    let shape = &sample.shape;
    let mut check = Check { shape, witness, views: Views::new(shape), weights: Vec::new() };
    check.weights = check.exact_weights();
    let all: [(Equation, Holds<'_>); 16] = [
        (Equation::Boolean, |c| c.boolean()),
        (Equation::Padding, |c| c.padding()),
        (Equation::Start, |c| {
            c.witness.start.iter().filter(|(i, _)| c.weight_exists(i)).eq(&c.witness.committed_start)
        }),
        (Equation::Selection, |c| c.selection()),
        (Equation::Label, |c| c.labels()),
        (Equation::Bias, |c| c.bias()),
        (Equation::Update, |c| c.update()),
        (Equation::Shared, |c| c.witness.a == c.witness.a_update && c.witness.g == c.witness.g_update),
        (Equation::Forward, |c| c.forward()),
        (Equation::Rounding, |c| c.rounding()),
        (Equation::Activation, |c| c.activation()),
        (Equation::Output, |c| c.output()),
        (Equation::Backward, |c| c.backward()),
        (Equation::BackwardRounding, |c| c.backward_rounding()),
        (Equation::Mask, |c| c.mask()),
        (Equation::End, |c| c.witness.end.iter().filter(|(i, _)| c.weight_exists(i)).eq(&c.witness.committed_end)),
    ];
    all.into_iter().filter(|(_, holds)| !holds(&check)).map(|(name, _)| name).collect()
}

fn get<const N: usize>(tensor: &Tensor<N>, index: [usize; N]) -> Scalar {
    tensor.get(&index).copied().unwrap_or(Scalar::ZERO)
}

impl Check<'_> {
    fn weight_exists(&self, index: &[usize; 4]) -> bool {
        weight_exists(self.shape, index)
    }

    fn cells(&self, hidden: bool, output: bool) -> impl Iterator<Item = Cell> {
        let s = self.shape;
        let slots = (0..s.layers()).filter(move |l| if s.is_output(*l) { output } else { hidden });
        slots.flat_map(move |l| {
            (0..s.steps())
                .flat_map(move |t| (0..s.batch).flat_map(move |b| (0..s.outputs(l)).map(move |j| [l, t, b, j])))
        })
    }

    fn see(&self, view: &[Scalar], cell: Cell) -> Scalar {
        self.witness.bits.get(&cell).map_or(Scalar::ZERO, |bits| dot(view, bits))
    }

    fn keep(&self, cell: Cell) -> Scalar {
        Scalar::ONE - self.see(&self.views.neg, cell)
    }

    /// A of slot l at input k, the bias's constant at k = d_l.
    fn input(&self, [l, t, b]: [usize; 3], k: usize) -> Scalar {
        let (c, k) = if k == self.shape.widths[l] { (1, 0) } else { (0, k) };
        get(&self.witness.a, [l, t, b, c, k])
    }

    /// `W_t` from the start, A and G, over real indices only.
    fn exact_weights(&self) -> Vec<Tensor<4>> {
        let w = self.witness;
        let first: Tensor<4> = w.start.iter().filter(|(i, _)| self.weight_exists(i)).map(|(i, v)| (*i, *v)).collect();
        let mut all = vec![first];
        for t in 0..self.shape.steps() {
            let mut next = all[t].clone();
            for ([l, c, k, j], w_t) in &mut next {
                for b in 0..self.shape.batch {
                    *w_t -= get(&w.a, [*l, t, b, *c, *k]) * get(&w.g, [*l, t, b, *j]);
                }
            }
            all.push(next);
        }
        all
    }

    fn boolean(&self) -> bool {
        let bits = |c: Cell| self.witness.bits.get(&c).map(|bits| &bits[..field_bits(self.shape, c[0])]);
        self.cells(true, true).filter_map(bits).flatten().all(|b| b.square() == *b)
    }

    fn padding(&self) -> bool {
        let (s, w) = (self.shape, self.witness);
        let zero = |x: &Scalar| *x == Scalar::ZERO;
        let bits = w.bits.iter().all(|(c, bits)| {
            let real = if is_real(s, c) { field_bits(s, c[0]) } else { 0 };
            bits.iter().skip(real).all(zero)
        });
        let input = |[l, t, b, c, k]: &[usize; 5]| {
            let width = if *c == 0 { s.widths.get(*l).copied().unwrap_or(0) } else { 1 };
            *l < s.layers() && *t < s.steps() && *b < s.batch && *k < width
        };
        let inputs = [&w.a, &w.a_update].into_iter().flatten().all(|(i, a)| input(i) || zero(a));
        let cells = [&w.z, &w.h, &w.g, &w.g_update].into_iter().flatten().all(|(i, v)| is_real(s, i) || zero(v));
        let weights = w.start.iter().chain(&w.end).all(|(i, v)| self.weight_exists(i) || zero(v));
        bits && inputs && cells && weights
    }

    fn selection(&self) -> bool {
        let scale = pow2(self.shape.format.f_a - self.shape.format.f_x);
        self.examples().all(|(t, b, i)| {
            (0..self.shape.widths[0]).all(|k| self.input([0, t, b], k) == scale * self.witness.points[i][k])
        })
    }

    fn labels(&self) -> bool {
        let (first, classes) = (self.shape.widths[0], self.shape.outputs(self.shape.layers() - 1));
        self.examples().all(|(t, b, i)| {
            (0..classes).all(|j| get(&self.witness.labels, [t, b, j]) == self.witness.points[i][first + j])
        })
    }

    /// Step, example, scheduled point.
    fn examples(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let steps = self.shape.schedule.iter().enumerate();
        steps.flat_map(|(t, step)| step.iter().enumerate().map(move |(b, i)| (t, b, *i as usize)))
    }

    fn bias(&self) -> bool {
        let one = pow2(self.shape.format.f_a);
        let slots = 0..self.shape.layers();
        slots.into_iter().all(|l| self.examples().all(|(t, b, _)| get(&self.witness.a, [l, t, b, 1, 0]) == one))
    }

    fn update(&self) -> bool {
        let steps = self.shape.steps();
        let passes = [&self.witness.forward, &self.witness.backward];
        let used = |t: usize, exact: &Tensor<4>| {
            exact.iter().all(|([l, c, k, j], w)| passes.iter().all(|pass| get(pass, [*l, t, *c, *k, *j]) == *w))
        };
        let last = self.weights[steps].iter().all(|(i, w)| get(&self.witness.end, *i) == *w);
        last && self.weights.iter().take(steps).enumerate().all(|(t, exact)| used(t, exact))
    }

    fn forward(&self) -> bool {
        self.cells(true, true).all(|[l, t, b, j]| {
            let weight = |k: usize| {
                let (c, k) = if k == self.shape.widths[l] { (1, 0) } else { (0, k) };
                get(&self.witness.forward, [l, t, c, k, j])
            };
            let sum: Scalar = (0..=self.shape.widths[l]).map(|k| self.input([l, t, b], k) * weight(k)).sum();
            sum == get(&self.witness.z, [l, t, b, j])
        })
    }

    fn half(&self) -> Scalar {
        pow2(self.shape.format.r - 1)
    }

    fn rounding(&self) -> bool {
        self.cells(true, false).all(|c| get(&self.witness.z, c) + self.half() == self.see(&self.views.z, c))
    }

    fn activation(&self) -> bool {
        self.cells(true, false).all(|c| {
            let [l, t, b, j] = c;
            get(&self.witness.a, [l + 1, t, b, 0, j]) == self.keep(c) * self.see(&self.views.relu, c)
        })
    }

    fn output(&self) -> bool {
        let f = self.shape.format;
        self.cells(false, true).all(|c| {
            let [_, t, b, j] = c;
            let y = pow2(f.f_a + f.r) * get(&self.witness.labels, [t, b, j]);
            let rounded = Scalar::from(self.shape.multipliers[t]) * (get(&self.witness.z, c) - y) + pow2(f.r_l - 1);
            rounded == self.see(&self.views.o, c) && get(&self.witness.g, c) == self.see(&self.views.k, c)
        })
    }

    fn backward(&self) -> bool {
        self.cells(true, false).all(|c| {
            let [l, t, b, k] = c;
            let term = |j| get(&self.witness.g, [l + 1, t, b, j]) * get(&self.witness.backward, [l + 1, t, 0, k, j]);
            (0..self.shape.outputs(l + 1)).map(term).sum::<Scalar>() == get(&self.witness.h, c)
        })
    }

    fn backward_rounding(&self) -> bool {
        self.cells(true, false).all(|c| get(&self.witness.h, c) + self.half() == self.see(&self.views.h, c))
    }

    fn mask(&self) -> bool {
        self.cells(true, false).all(|c| get(&self.witness.g, c) == self.keep(c) * self.see(&self.views.k, c))
    }
}

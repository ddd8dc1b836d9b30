//! zkReLU proven on dense tables by naive sums.

use crate::plain::{Plain, Strategy};
use crate::tensor::{Axis, Tensor, inner, outer, table};
use crate::trainer::Cell;
use std::collections::BTreeMap;
use zkdl_arguments::Shape;
use zkdl_arguments::shape::Views;
use zkdl_commit::channel::ProverChannel;
use zkdl_field::multilinear::{eq, eq_index, eq_table, prefix};
use zkdl_field::scalar::pow2;
use zkdl_field::{Field, Scalar};

/// `coefficient l(l) t(t) b(b) j(j)`, each axis as its table.
struct Weight {
    coefficient: Scalar,
    axes: [Vec<Scalar>; 4],
}

/// The cell weights of Z hidden, H hidden, Z output, A, G and booleanity.
type Weights = [Vec<Weight>; 6];

/// Bits of hidden and output cells seen through a public vector over bits, as a tensor over cells.
type View = Tensor<4>;

fn view(bits: &BTreeMap<Cell, Vec<Scalar>>, weights: &[Scalar], belongs: impl Fn(&Cell) -> bool) -> View {
    bits.iter().filter(|(c, _)| belongs(c)).map(|(c, bits)| (*c, inner(weights, bits))).collect()
}

fn at_cell(weights: &[Weight], point: [&[Scalar]; 4]) -> Scalar {
    let value = |w: &Weight| -> Scalar {
        w.axes.iter().zip(point).map(|(axis, x)| inner(axis, &eq_table(x))).product::<Scalar>() * w.coefficient
    };
    weights.iter().map(value).sum()
}

fn dense(weights: &[Weight], size: usize) -> Vec<Scalar> {
    let mut total = vec![Scalar::ZERO; size];
    for w in weights {
        let [l, t, b, j] = &w.axes;
        for (sum, x) in total.iter_mut().zip(outer(&[l, t, b, j])) {
            *sum += w.coefficient * x;
        }
    }
    total
}

/// The table of `eq(point, .)` times an indicator.
fn eq_where(point: &[Scalar], keep: impl Fn(usize) -> bool) -> Vec<Scalar> {
    eq_table(point).into_iter().enumerate().map(|(i, e)| if keep(i) { e } else { Scalar::ZERO }).collect()
}

fn inverse(c: u64) -> Scalar {
    Scalar::from(c).invert().unwrap_or(Scalar::ZERO)
}

fn over_multiplier(shape: &Shape, point: &[Scalar]) -> Vec<Scalar> {
    let mut table = eq_where(point, |t| t < shape.steps());
    table.iter_mut().zip(&shape.multipliers).for_each(|(e, c)| *e *= inverse(*c));
    table
}

impl<C: ProverChannel> Plain<'_, C> {
    fn cell_weights(&self, alpha: &[Scalar], bit: Scalar) -> Weights {
        let (p, layers) = (&self.p, self.shape.layers());
        let shift = |p: &[Scalar]| -> Vec<Scalar> {
            (0..1 << p.len()).map(|l| if l + 1 < layers { eq_index(p, l + 1) } else { Scalar::ZERO }).collect()
        };
        let hidden = |p: &[Scalar]| eq_where(p, |l| l + 1 < layers);
        let weight = |coefficient, l: Vec<Scalar>, t: Vec<Scalar>, b: &[Scalar], j: &[Scalar]| Weight {
            coefficient,
            axes: [l, t, eq_table(b), eq_table(j)],
        };
        let output = eq_where(&p.lam, |l| l + 1 == layers);
        [
            vec![weight(alpha[0], hidden(&p.lam), eq_table(&p.tau), &p.beta, &p.j)],
            vec![weight(alpha[1], hidden(&p.rl), eq_table(&p.rt), &p.beta, &p.rk)],
            vec![weight(alpha[0], output, over_multiplier(self.shape, &p.tau), &p.beta, &p.j)],
            vec![
                weight(alpha[2], shift(&p.rl), eq_table(&p.rt), &p.beta, &p.rk),
                weight(alpha[3], shift(&p.ul), eq_table(&p.us), &p.ub, &p.rk),
            ],
            vec![
                weight(alpha[4], eq_table(&p.l2), eq_table(&p.t2), &p.beta, &p.rj),
                weight(alpha[5], eq_table(&p.ul), eq_table(&p.us), &p.ub, &p.j),
                weight(alpha[6], eq_table(&p.ul), eq_table(&p.us), &p.ub, &p.rj),
            ],
            vec![weight(bit, eq_table(&p.lam), eq_table(&p.tau), &p.beta, &p.j)],
        ]
    }

    fn relu_claim(&self, alpha: &[Scalar], f_a: Scalar) -> Scalar {
        let (s, p, v, f) = (self.shape, &self.p, &self.v, self.shape.format);
        let last = s.layers() - 1;
        let widths = |l: &[Scalar], j: &[Scalar]| -> Scalar {
            (0..last).map(|slot| eq_index(l, slot) * prefix(s.outputs(slot), j)).sum()
        };
        let batch = prefix(s.batch, &p.beta);
        let i_z = widths(&p.lam, &p.j) * prefix(s.steps(), &p.tau) * batch;
        let i_h = widths(&p.rl, &p.rk) * prefix(s.steps(), &p.rt) * batch;
        let iota = over_multiplier(s, &p.tau).iter().sum::<Scalar>() * batch * prefix(s.outputs(last), &p.j);
        let half = pow2(f.r - 1);
        let z = v.z + half * i_z - eq_index(&p.lam, last) * (pow2(f.r) * v.y - pow2(f.r_l - 1) * iota);
        let terms = [z, v.h + half * i_h, v.a_h, v.a_h2, v.g_1, v.g_2, v.g_3, f_a];
        inner(alpha, &terms)
    }

    /// (A): returns the last claim, r_q and `eq(mu_q, r_q)`.
    fn bit_rounds(&mut self) -> (Scalar, Vec<Scalar>, Scalar) {
        let (s, w, p) = (self.shape, self.witness, self.p.clone());
        let mu_q = self.channel.challenges("relu.mu", s.log_bits());
        let e = [&p.lam, &p.tau, &p.beta, &p.j].map(|x| eq_table(x));
        let at = |axis: usize, i: usize| e[axis].get(i).copied().unwrap_or(Scalar::ZERO);
        let cells: Vec<Scalar> = w.bits.keys().map(|c| (0..4).map(|a| at(a, c[a])).product()).collect();
        let weights = outer(&[&cells, &eq_table(&mu_q)]);
        let bits = w.bits.values().flatten().copied().collect();
        let boolean = |v: &[Scalar]| v[0] * (v[1] * v[1] - v[1]);
        let (f_a, r_q, _) = self.sum("relu.bit", Scalar::ZERO, &vec![3; s.log_bits()], vec![weights, bits], boolean);
        let at_mu = eq(&mu_q, &r_q);
        (f_a, r_q, at_mu)
    }

    fn cell_tables(&self, weights: &Weights, r_q: &[Scalar]) -> Vec<Vec<Scalar>> {
        let (s, bits, views) = (self.shape, &self.witness.bits, Views::new(self.shape));
        let logs = [s.log_layers(), s.log_steps(), s.log_batch(), s.log_width()];
        let axes = logs.map(Axis::Keep);
        let output = |c: &Cell| c[0] + 1 == s.layers();
        let cells = |v: &View| table(v, &axes);
        let mut tables: Vec<Vec<Scalar>> = weights.iter().map(|w| dense(w, 1 << logs.iter().sum::<usize>())).collect();
        for hidden in [&views.z, &views.h] {
            tables.push(cells(&view(bits, hidden, |c| !output(c))));
        }
        tables.push(cells(&view(bits, &views.o, output)));
        for hidden in [&views.neg, &views.relu] {
            tables.push(cells(&view(bits, hidden, |c| !output(c))));
        }
        tables.push(cells(&view(bits, &views.k, |_| true)));
        tables.push(cells(&view(bits, &eq_table(r_q), |_| true)));
        tables
    }

    /// zkReLU, up to the challenges gamma.
    pub(crate) fn relu(&mut self) {
        let s = self.shape;
        let (f_a, r_q, at_mu) = self.bit_rounds();
        let alpha = self.channel.challenges("relu.alpha", 8);
        let weights = self.cell_weights(&alpha, alpha[7] * at_mu);
        let claim = self.relu_claim(&alpha, f_a);
        let tables = self.cell_tables(&weights, &r_q);
        let n = s.log_width() + s.log_batch() + s.log_steps() + s.log_layers();
        let combine = |v: &[Scalar]| {
            v[0] * v[6]
                + v[1] * v[7]
                + v[2] * v[8]
                + (Scalar::ONE - v[9]) * (v[3] * v[10] + v[4] * v[11])
                + v[5] * (v[12] * v[12] - v[12])
        };
        let (last, x, v) = self.sum("relu.cell", claim, &vec![3; n], tables, combine);
        let v: Vec<Scalar> = v.iter().map(|t| t[0]).collect();
        self.send_cell(last, &x, &weights, &v, &r_q);
        self.channel.challenges("relu.gamma", 3);
    }

    fn send_cell(&mut self, last: Scalar, x: &[Scalar], weights: &Weights, tables: &[Scalar], r_q: &[Scalar]) {
        let mut v = tables.to_vec();
        if matches!(self.strategy, Strategy::Mask | Strategy::Square) {
            self.committed_cell(x, &mut v, r_q);
        }
        let neg = self.send("relu.neg", v[9]);
        let u = self.send("relu.U", v[3] * v[10] + v[4] * v[11]);
        let b = self.send("relu.b", v[12]);
        let linear = v[0] * v[6] + v[1] * v[7] + v[2] * v[8];
        let bit = at_cell(&weights[5], split(self.shape, x));
        let b_b = match self.strategy {
            Strategy::Square => b + (last - (u - neg * u) - linear) * bit.invert().unwrap_or(Scalar::ZERO),
            _ => b * b,
        };
        let neg_u = match self.strategy {
            Strategy::Mask => linear - last + u + bit * (b_b - b),
            _ => neg * u,
        };
        self.send("relu.neg_U", neg_u);
        self.send("relu.b_b", b_b);
    }

    /// Views of what is committed, in place of what the tables said.
    fn committed_cell(&self, x: &[Scalar], v: &mut [Scalar], r_q: &[Scalar]) {
        let (s, views) = (self.shape, Views::new(self.shape));
        let bits = self.witness.real_bits(s);
        let axes = split(s, x).map(crate::tensor::at);
        let output = |c: &Cell| c[0] + 1 == s.layers();
        let at_x = |weights: &[Scalar], hidden: bool, out: bool| {
            crate::tensor::value(&view(&bits, weights, |c| if output(c) { out } else { hidden }), &axes)
        };
        v[6] = at_x(&views.z, true, false);
        v[7] = at_x(&views.h, true, false);
        v[8] = at_x(&views.o, false, true);
        v[9] = at_x(&views.neg, true, false);
        v[10] = at_x(&views.relu, true, false);
        v[11] = at_x(&views.k, true, true);
        v[12] = at_x(&eq_table(r_q), true, true);
    }
}

fn split<'p>(shape: &Shape, x: &'p [Scalar]) -> [&'p [Scalar]; 4] {
    let (l, rest) = x.split_at(shape.log_layers());
    let (t, rest) = rest.split_at(shape.log_steps());
    let (b, j) = rest.split_at(shape.log_batch());
    [l, t, b, j]
}

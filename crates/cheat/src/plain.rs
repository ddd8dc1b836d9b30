//! Forward, backward and update proven on dense tables by naive sums: same messages, same labels, same order as the fast
//! provers, nothing else in common with them. See [`crate::plain_relu`] for zkReLU.

use crate::tensor::{Axis, Tensor, at, at_bit, inner, outer, table, value};
use crate::witness::{Witness, weight_exists};
use zkdl_arguments::Shape;
use zkdl_commit::channel::ProverChannel;
use zkdl_field::multilinear::{eq, eq_index, eq_table, later, later_table, prefix};
use zkdl_field::scalar::pow2;
use zkdl_field::{Field, Scalar};

/// What a cheating prover does where honest code meets its own contradictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Runs honest code on the cheating witness.
    Honest,
    /// Claims what is committed and chooses the last leaf of forward, backward and update so that the products hold.
    Leaves,
    /// And chooses `neg U` so that the bits fit.
    Mask,
    /// And chooses `b b` so that the bits fit.
    Square,
}

/// The points of all arguments.
#[derive(Debug, Clone, Default)]
pub struct Points {
    /// Forward, drawn: layer.
    pub lam: Vec<Scalar>,
    /// Step.
    pub tau: Vec<Scalar>,
    /// Example.
    pub beta: Vec<Scalar>,
    /// Neuron j*.
    pub j: Vec<Scalar>,
    /// Forward, bound: layer.
    pub rl: Vec<Scalar>,
    /// Step.
    pub rt: Vec<Scalar>,
    /// Weight or bias.
    pub rc: Scalar,
    /// Input neuron.
    pub rk: Vec<Scalar>,
    /// Backward, bound: layer.
    pub l2: Vec<Scalar>,
    /// Step.
    pub t2: Vec<Scalar>,
    /// Output neuron.
    pub rj: Vec<Scalar>,
    /// Update, bound: layer.
    pub ul: Vec<Scalar>,
    /// Step.
    pub us: Vec<Scalar>,
    /// Example.
    pub ub: Vec<Scalar>,
}

/// Values that zkReLU takes from the other arguments.
#[derive(Debug, Clone, Copy, Default)]
pub struct Values {
    /// Forward.
    pub z: Scalar,
    /// Labels.
    pub y: Scalar,
    /// Hidden part of A.
    pub a_h: Scalar,
    /// Backward.
    pub h: Scalar,
    /// G at (l2, t2, beta, r_j).
    pub g_1: Scalar,
    /// Hidden part of A at u.
    pub a_h2: Scalar,
    /// G at (u, j*).
    pub g_2: Scalar,
    /// G at (u, r_j).
    pub g_3: Scalar,
}

/// A proof in progress.
pub struct Plain<'a, C> {
    /// Where messages go.
    pub channel: &'a mut C,
    /// The statement's shape.
    pub shape: &'a Shape,
    /// What the prover computes with.
    pub witness: &'a Witness,
    /// Whether W_0 is committed.
    pub start_committed: bool,
    /// What it does about contradictions.
    pub strategy: Strategy,
    /// Points so far.
    pub p: Points,
    /// Claims so far.
    pub v: Values,
}

/// Coefficients of the polynomial with these values at 0, 1, ..: Lagrange.
fn coefficients(values: &[Scalar]) -> Vec<Scalar> {
    let n = values.len();
    let mut total = vec![Scalar::ZERO; n];
    for (i, y) in values.iter().enumerate() {
        let mut basis = vec![Scalar::ONE];
        let mut scale = Scalar::ONE;
        for j in (0..n).filter(|j| *j != i) {
            let root = Scalar::from(j as u64);
            let mut next = vec![Scalar::ZERO; basis.len() + 1];
            for (k, b) in basis.iter().enumerate() {
                next[k + 1] += b;
                next[k] -= root * b;
            }
            basis = next;
            scale *= Scalar::from(i as u64) - root;
        }
        let scale = y * scale.invert().unwrap_or(Scalar::ZERO);
        for (sum, b) in total.iter_mut().zip(basis) {
            *sum += scale * b;
        }
    }
    total
}

/// Values at 0..=degree of the round polynomial of `sum combine(tables)`.
fn round(degree: usize, tables: &[Vec<Scalar>], combine: &impl Fn(&[Scalar]) -> Scalar) -> Vec<Scalar> {
    let mut values = vec![Scalar::ZERO; degree + 1];
    for i in (0..tables[0].len()).step_by(2) {
        let mut line: Vec<Scalar> = tables.iter().map(|t| t[i]).collect();
        let slope: Vec<Scalar> = tables.iter().map(|t| t[i + 1] - t[i]).collect();
        for value in &mut values {
            *value += combine(&line);
            line.iter_mut().zip(&slope).for_each(|(v, d)| *v += d);
        }
    }
    values
}

fn bind(table: &[Scalar], r: &Scalar) -> Vec<Scalar> {
    table.chunks_exact(2).map(|pair| pair[0] + r * (pair[1] - pair[0])).collect()
}

/// `x / y` if y is not zero.
fn divide(x: Scalar, y: Scalar) -> Option<Scalar> {
    Option::<Scalar>::from(y.invert()).map(|inverse| x * inverse)
}

/// Proves everything up to zkReLU's challenges gamma; returns the points.
pub fn prove<C: ProverChannel>(
    channel: &mut C,
    shape: &Shape,
    witness: &Witness,
    start_committed: bool,
    strategy: Strategy,
) -> Points {
    let (p, v) = (Points::default(), Values::default());
    let mut plain = Plain { channel, shape, witness, start_committed, strategy, p, v };
    let w_1 = plain.forward();
    let w_2 = plain.backward();
    plain.update(w_1, w_2);
    plain.relu();
    plain.p
}

impl<C: ProverChannel> Plain<'_, C> {
    /// Sends a value; the channel may have changed it.
    pub(crate) fn send(&mut self, label: &'static str, x: Scalar) -> Scalar {
        self.channel.hide(label, x).value
    }

    /// The sumcheck of `sum combine(tables)`, least significant variable first. Returns claim, point and last values.
    pub(crate) fn sum(
        &mut self,
        label: &'static str,
        mut claim: Scalar,
        degrees: &[usize],
        mut tables: Vec<Vec<Scalar>>,
        combine: impl Fn(&[Scalar]) -> Scalar,
    ) -> (Scalar, Vec<Scalar>, Vec<Vec<Scalar>>) {
        let mut point = Vec::new();
        for degree in degrees {
            let mut c = coefficients(&round(*degree, &tables, &combine));
            for k in (0..=*degree).filter(|k| *k != 1) {
                c[k] = self.send(label, c[k]);
            }
            c[1] = claim - c[0].double() - c[2..].iter().sum::<Scalar>();
            let r = self.channel.challenge(label);
            claim = c.iter().rev().fold(Scalar::ZERO, |sum, c| sum * r + c);
            tables = tables.iter().map(|t| bind(t, &r)).collect();
            point.insert(0, r);
        }
        (claim, point, tables)
    }

    fn adaptive(&self) -> bool {
        self.strategy != Strategy::Honest
    }

    /// The leaf that makes a product hold, for provers that choose it.
    fn solve(&self, product: Scalar, factor: Scalar, honest: Scalar) -> Scalar {
        if self.adaptive() { divide(product, factor).unwrap_or(honest) } else { honest }
    }

    fn bias(&self, pl: &[Scalar], pt: &[Scalar], pb: &[Scalar]) -> Scalar {
        let s = self.shape;
        let real = prefix(s.layers(), pl) * prefix(s.steps(), pt) * prefix(s.batch, pb);
        pow2(s.format.f_a) * eq_index(&self.p.rk, 0) * real
    }

    fn with_bias(&self, a: Scalar, pl: &[Scalar], pt: &[Scalar], pb: &[Scalar]) -> Scalar {
        (Scalar::ONE - self.p.rc) * a + self.p.rc * self.bias(pl, pt, pb)
    }

    /// `sum over scheduled points of eq eq <row, columns>`.
    fn committed_data(&self, pt: &[Scalar], pb: &[Scalar], columns: &[Scalar]) -> Scalar {
        let (e_t, e_b) = (eq_table(pt), eq_table(pb));
        let step = |(t, step): (usize, &Vec<u32>)| -> Scalar {
            step.iter()
                .enumerate()
                .map(|(b, i)| e_t[t] * e_b[b] * inner(&self.witness.points[*i as usize], columns))
                .sum()
        };
        self.shape.schedule.iter().enumerate().map(step).sum()
    }

    /// Data part and hidden part of A at (pl, pt, pb, r_k).
    fn split_a(&self, a: &Tensor<5>, pl: &[Scalar], pt: &[Scalar], pb: &[Scalar]) -> (Scalar, Scalar) {
        let s = self.shape;
        let axes = [Axis::Keep(s.log_layers()), at(pt), at(pb), at_bit(Scalar::ZERO), at(&self.p.rk)];
        let layers = table(a, &axes);
        let data = if self.adaptive() {
            let columns = &eq_table(&self.p.rk)[..s.widths[0]];
            pow2(s.format.f_a - s.format.f_x) * self.committed_data(pt, pb, columns)
        } else {
            layers[0]
        };
        (data, inner(&eq_table(pl)[1..], &layers[1..]))
    }

    fn label_claim(&self) -> Scalar {
        let (s, p) = (self.shape, &self.p);
        let claim = if self.adaptive() {
            let mut columns = vec![Scalar::ZERO; s.widths[0]];
            columns.extend(&eq_table(&p.j)[..s.widths[s.layers()]]);
            self.committed_data(&p.tau, &p.beta, &columns)
        } else {
            value(&self.witness.labels, &[at(&p.tau), at(&p.beta), at(&p.j)])
        };
        pow2(s.format.f_a) * claim
    }

    fn forward(&mut self) -> Scalar {
        let (s, w) = (self.shape, self.witness);
        let (nl, nt, nj) = (s.log_layers(), s.log_steps(), s.log_width());
        self.p.lam = self.channel.challenges("forward.in", nl);
        self.p.tau = self.channel.challenges("forward.in", nt);
        self.p.beta = self.channel.challenges("forward.in", s.log_batch());
        self.p.j = self.channel.challenges("forward.in", nj);
        let p = self.p.clone();
        self.v.z = self.send("forward.z", value(&w.z, &[at(&p.lam), at(&p.tau), at(&p.beta), at(&p.j)]));
        self.v.y = self.send("forward.y", self.label_claim());
        let keep = |n| Axis::Keep(n);
        let weights = outer(&[&eq_table(&p.lam), &eq_table(&p.tau), &vec![Scalar::ONE; 2 << nj]]);
        let a = table(&w.a, &[keep(nl), keep(nt), at(&p.beta), keep(1), keep(nj)]);
        let w_t = table(&w.forward, &[keep(nl), keep(nt), keep(1), keep(nj), at(&p.j)]);
        let degrees = [vec![2; nj + 1], vec![3; nt + nl]].concat();
        let product = |v: &[Scalar]| v[0] * v[1] * v[2];
        let (last, r, v) = self.sum("forward.round", self.v.z, &degrees, vec![weights, a, w_t], product);
        (self.p.rl, self.p.rt) = (r[..nl].to_vec(), r[nl..nl + nt].to_vec());
        (self.p.rc, self.p.rk) = (r[nl + nt], r[nl + nt + 1..].to_vec());
        let p = self.p.clone();
        let (a_0, a_h) = self.split_a(&w.a, &p.rl, &p.rt, &p.beta);
        let a_0 = self.send("forward.a_0", a_0);
        self.v.a_h = self.send("forward.a_h", a_h);
        let a = self.with_bias(eq_index(&p.rl, 0) * a_0 + self.v.a_h, &p.rl, &p.rt, &p.beta);
        let w_1 = self.solve(last, eq(&p.lam, &p.rl) * eq(&p.tau, &p.rt) * a, v[2][0]);
        self.send("forward.w_1", w_1)
    }

    /// `i -> eq(p, i - 1)` for slots 1..L.
    pub(crate) fn up(&self, p: &[Scalar]) -> Vec<Scalar> {
        (0..1 << p.len())
            .map(|l| if (1..self.shape.layers()).contains(&l) { eq_index(p, l - 1) } else { Scalar::ZERO })
            .collect()
    }

    fn backward(&mut self) -> Scalar {
        let (s, w, p) = (self.shape, self.witness, self.p.clone());
        let (nl, nt, nj) = (s.log_layers(), s.log_steps(), s.log_width());
        self.v.h = self.send("backward.h", value(&w.h, &[at(&p.rl), at(&p.rt), at(&p.beta), at(&p.rk)]));
        let keep = |n| Axis::Keep(n);
        let up = self.up(&p.rl);
        let weights = outer(&[&up, &eq_table(&p.rt), &vec![Scalar::ONE; 1 << nj]]);
        let g = table(&w.g, &[keep(nl), keep(nt), at(&p.beta), keep(nj)]);
        let w_t = table(&w.backward, &[keep(nl), keep(nt), at_bit(Scalar::ZERO), at(&p.rk), keep(nj)]);
        let degrees = [vec![2; nj], vec![3; nt + nl]].concat();
        let product = |v: &[Scalar]| v[0] * v[1] * v[2];
        let (last, r, v) = self.sum("backward.round", self.v.h, &degrees, vec![weights, g, w_t], product);
        (self.p.l2, self.p.t2, self.p.rj) = (r[..nl].to_vec(), r[nl..nl + nt].to_vec(), r[nl + nt..].to_vec());
        self.v.g_1 = self.send("backward.g_1", v[1][0]);
        let factor = inner(&up, &eq_table(&self.p.l2)) * eq(&p.rt, &self.p.t2) * self.v.g_1;
        let w_2 = self.solve(last, factor, v[2][0]);
        self.send("backward.w_2", w_2)
    }

    /// v_1, v_2, v_3 and v_T; v_T of the committed weights for adaptive provers.
    fn weight_claims(&mut self) -> [Scalar; 4] {
        let (w, p) = (self.witness, self.p.clone());
        let known = self.start_committed && !self.adaptive();
        let committed = |w: &Tensor<4>| {
            let real = |i: &[usize; 4]| weight_exists(self.shape, i);
            w.iter().filter(|(i, _)| real(i)).map(|(i, v)| (*i, *v)).collect::<Tensor<4>>()
        };
        let start = &if known { w.start.clone() } else { committed(&w.committed_start) };
        let end = &if self.adaptive() { committed(&w.committed_end) } else { w.end.clone() };
        let claim = |w: &Tensor<4>, l: &[Scalar], c, j: &[Scalar]| value(w, &[at(l), at_bit(c), at(&p.rk), at(j)]);
        let mut v = [
            claim(start, &p.rl, p.rc, &p.j),
            claim(start, &p.l2, Scalar::ZERO, &p.rj),
            claim(start, &p.l2, p.rc, &p.rj),
            claim(end, &p.l2, p.rc, &p.rj),
        ];
        if self.start_committed {
            v.iter_mut().take(3).for_each(|v| *v = self.send("update.w_0", *v));
        }
        v[3] = self.send("update.w_T", v[3]);
        v
    }

    fn update_tables(&self) -> Vec<Vec<Scalar>> {
        let (s, w, p) = (self.shape, self.witness, &self.p);
        let (nl, nt, nb) = (s.log_layers(), s.log_steps(), s.log_batch());
        let keep = |n| Axis::Keep(n);
        let one = vec![Scalar::ONE; 1 << nb];
        let a = table(&w.a_update, &[keep(nl), keep(nt), keep(nb), at_bit(Scalar::ZERO), at(&p.rk)]);
        let real =
            |i: usize| (i >> (nt + nb)) < s.layers() && (i >> nb) % (1 << nt) < s.steps() && i % (1 << nb) < s.batch;
        let bias = p.rc * pow2(s.format.f_a) * eq_index(&p.rk, 0);
        let add = |(i, a): (usize, &Scalar)| (Scalar::ONE - p.rc) * a + if real(i) { bias } else { Scalar::ZERO };
        let with_bias = a.iter().enumerate().map(add).collect();
        let g = |point: &[Scalar]| table(&w.g_update, &[keep(nl), keep(nt), keep(nb), at(point)]);
        vec![
            outer(&[&eq_table(&p.rl), &later_table(&p.rt), &one]),
            outer(&[&eq_table(&p.l2), &later_table(&p.t2), &one]),
            outer(&[&eq_table(&p.l2), &vec![Scalar::ONE; 1 << nt], &one]),
            g(&p.j),
            g(&p.rj),
            a,
            with_bias,
        ]
    }

    fn update(&mut self, w_1: Scalar, w_2: Scalar) {
        let (s, w) = (self.shape, self.witness);
        let (nl, nt, nb) = (s.log_layers(), s.log_steps(), s.log_batch());
        let [v_1, v_2, v_3, v_t] = self.weight_claims();
        let alpha = self.channel.challenges("update.alpha", 3);
        let claim = alpha[0] * (v_1 - w_1) + alpha[1] * (v_2 - w_2) + alpha[2] * (v_3 - v_t);
        let degrees = [vec![2; nb], vec![3; nt + nl]].concat();
        let combine =
            |v: &[Scalar]| alpha[0] * v[0] * v[6] * v[3] + (alpha[1] * v[1] * v[5] + alpha[2] * v[2] * v[6]) * v[4];
        let (last, r, v) = self.sum("update.round", claim, &degrees, self.update_tables(), combine);
        (self.p.ul, self.p.us, self.p.ub) = (r[..nl].to_vec(), r[nl..nl + nt].to_vec(), r[nl + nt..].to_vec());
        let p = self.p.clone();
        let (a_0, a_h) = self.split_a(&w.a_update, &p.ul, &p.us, &p.ub);
        let a_0 = self.send("update.a_0", a_0);
        self.v.a_h2 = self.send("update.a_h", a_h);
        let a = eq_index(&p.ul, 0) * a_0 + self.v.a_h2;
        let f = self.with_bias(a, &p.ul, &p.us, &p.ub);
        let c_2 = alpha[0] * eq(&p.rl, &p.ul) * later(&p.us, &p.rt) * f;
        let c_3 = eq(&p.l2, &p.ul) * (alpha[1] * later(&p.us, &p.t2) * a + alpha[2] * f);
        let g_2 = self.solve(last - c_3 * v[4][0], c_2, v[3][0]);
        self.v.g_2 = self.send("update.g_2", g_2);
        self.v.g_3 = self.send("update.g_3", v[4][0]);
    }
}

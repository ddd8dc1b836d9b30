//! Three judges of one witness: the plain checker that `zkdl check` runs, the equations in the field, one by one, and the claims
//! that the shipped prover leaves. They agree on every witness, and the checker names an equation that is violated.
//!
//! Statements are drawn small; the witness is an honest one with changes, or of a statement that was changed after it. The
//! trainer and the naive trainer make the same honest witness, or both refuse.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use zkdl_arguments::Shape;
use zkdl_cheat::fast;
use zkdl_cheat::harness::{Claims, Counter, Event, Tap};
use zkdl_cheat::relation::{self, violated};
use zkdl_cheat::sample::{Sample, Sizes};
use zkdl_cheat::tensor::Tensor;
use zkdl_cheat::trainer::honest;
use zkdl_cheat::witness::{Packed, Witness};
use zkdl_field::scalar::{from_i64, from_i128, pow2};
use zkdl_field::{Field, Scalar};
use zkdl_fuzz::single_thread;
use zkdl_train::check::{Equation, Witness as Checked, check};
use zkdl_train::{Algorithm, CellLayout, Format, LayerWeights, Relation, Weights, record_window};

#[derive(Debug, Arbitrary)]
struct Input {
    seed: u16,
    widths: [u8; 4],
    batch: u8,
    steps: u8,
    /// Whether every change of the witness is undone again.
    undone: bool,
    /// The prover takes most of the time, and runs if this is divisible by 8.
    prover: u8,
    /// A message of it that is altered: which, and by how much.
    message: Option<(u8, i8)>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Change {
    /// A bit of a cell, slack too.
    Bit { slot: u8, byte: u16, bit: u8 },
    /// A weight at the start or at the end.
    Weight { at_start: bool, slot: u8, place: u16, delta: i32 },
    /// A feature of a point.
    Feature { place: u8, value: i8 },
    /// The class of a point.
    Label { point: u8, class: u8 },
    /// c_t.
    Multiplier { step: u8, value: u32 },
    /// The point of an example.
    Schedule { step: u8, example: u8, point: u8 },
}

fn sizes(input: &Input) -> Sizes {
    // A width of 0 ends the list early.
    let real = input.widths.iter().skip(1).map(|w| usize::from(w % 5)).take_while(|w| *w > 0);
    let mut widths: Vec<usize> = std::iter::once(usize::from(input.widths[0] % 4) + 1).chain(real).collect();
    widths.resize(widths.len().max(3), 2);
    let (batch, steps) = (usize::from(input.batch % 3) + 1, usize::from(input.steps % 3) + 1);
    Sizes { widths, batch, steps, columns: 1 }
}

fn algorithm(shape: &Shape) -> Algorithm {
    let f = shape.format;
    Algorithm {
        widths: shape.widths.iter().map(|w| *w as u32).collect(),
        format: Format { f_a: f.f_a, f_g: f.r - f.f_a, q: f.q, q_g: f.q_g },
        batch: shape.batch as u32,
        f_x: f.f_x,
        r_l: f.r_l,
        max_steps: shape.steps() as u64,
        input_min: -(1 << f.f_x),
        input_max: 1 << f.f_x,
    }
}

/// A statement with a witness as it is stored.
struct Case {
    sample: Sample,
    packed: Packed,
}

/// The element that is counted around.
fn pick<T>(items: &mut [T], at: impl Into<usize>) -> Option<&mut T> {
    let length = items.len().max(1);
    items.get_mut(at.into() % length)
}

impl Change {
    fn undo(self) -> Option<Self> {
        match self {
            Self::Bit { .. } => Some(self),
            Self::Weight { at_start, slot, place, delta } => {
                Some(Self::Weight { at_start, slot, place, delta: delta.checked_neg()? })
            }
            _ => None,
        }
    }

    fn apply(self, Case { sample, packed }: &mut Case) -> Option<()> {
        let Shape { widths, format, .. } = sample.shape.clone();
        match self {
            Self::Bit { slot, byte, bit } => *pick(pick(&mut packed.cells, slot)?, byte)? ^= 1 << (bit % 8),
            Self::Weight { at_start, slot, place, delta } => {
                let slots = if at_start { &mut packed.start } else { &mut packed.end };
                *pick(pick(slots, slot)?, place)? += i64::from(delta);
            }
            Self::Feature { place, value } => {
                let value = value.clamp(-(1 << format.f_x), 1 << format.f_x).into();
                *pick(&mut packed.features, place)? = value;
                let place = usize::from(place) % packed.features.len();
                sample.features[place / widths[0]][place % widths[0]] = value.into();
            }
            Self::Label { point, class } => {
                let class = usize::from(class) % widths[widths.len() - 1];
                *pick(&mut packed.labels, point)? = class as u32;
                pick(&mut sample.labels, point)?.iter_mut().enumerate().for_each(|(j, y)| *y = i128::from(j == class));
            }
            Self::Multiplier { step, value } => {
                *pick(&mut sample.shape.multipliers, step)? = u64::from(value).clamp(1, 1 << 20);
            }
            Self::Schedule { step, example, point } => {
                let point = usize::from(point) % sample.shape.points;
                *pick(pick(&mut sample.shape.schedule, step)?, example)? = point as u32;
            }
        }
        Some(())
    }
}

impl Case {
    fn point(&self, i: u32) -> Option<(&[i32], u32)> {
        let (i, width) = (i as usize, self.sample.shape.widths[0]);
        Some((self.packed.features.get(i * width..(i + 1) * width)?, *self.packed.labels.get(i)?))
    }

    fn word(&self, slot: usize, t: usize, b: usize, j: usize) -> Option<u128> {
        let shape = &self.sample.shape;
        let (stride, width) = (shape.stride(slot), shape.outputs(slot));
        let first = ((t * shape.batch + b) * width + j) * stride;
        let mut word = [0; 16];
        word[..stride].copy_from_slice(self.packed.cells.get(slot)?.get(first..first + stride)?);
        Some(u128::from_le_bytes(word))
    }

    fn weights(&self, slots: &[Vec<i64>]) -> Weights {
        let shape = &self.sample.shape;
        let layer = |(slot, values): (usize, &Vec<i64>)| LayerWeights {
            inputs: shape.widths[slot],
            outputs: shape.outputs(slot),
            values: values.clone(),
        };
        Weights { layers: slots.iter().enumerate().map(layer).collect() }
    }

    /// What `zkdl check` says.
    fn checked(&self) -> Option<Equation> {
        let Shape { multipliers, schedule, .. } = &self.sample.shape;
        let algorithm = algorithm(&self.sample.shape);
        let relation = Relation { algorithm: &algorithm, first_step: 0, multipliers, indices: schedule };
        let (start, end) = (self.weights(&self.packed.start), self.weights(&self.packed.end));
        let stored = Stored { case: self, start, end };
        check(&relation, |i| self.point(i), &stored).err().map(|violation| violation.equation)
    }

    /// The trainer's witness is this one.
    fn trained(&self) -> bool {
        let Shape { multipliers, schedule, .. } = &self.sample.shape;
        let (algorithm, start) = (algorithm(&self.sample.shape), self.weights(&self.packed.start));
        let trace = record_window(&algorithm, start, |i| self.point(i), schedule, multipliers, 0, |_| ());
        let Ok(trace) = trace else { return false };
        let cells = trace.layers.iter().map(|layer| &layer.bytes);
        cells.eq(&self.packed.cells) && trace.end == self.weights(&self.packed.end)
    }
}

struct Stored<'a> {
    case: &'a Case,
    start: Weights,
    end: Weights,
}

impl Checked for Stored<'_> {
    fn start(&self) -> &Weights {
        &self.start
    }

    fn end(&self) -> &Weights {
        &self.end
    }

    fn steps(&self) -> usize {
        self.case.sample.shape.steps()
    }

    fn cell(&self, slot: usize, t: usize, b: usize, j: usize) -> Option<u128> {
        self.case.word(slot, t, b, j)
    }
}

/// The witness in the field: A and G are what the bits say, Z, H and the weights what follows from them.
struct Derived<'a> {
    case: &'a Case,
    layout: CellLayout,
    witness: Witness,
    /// W_t: `[slot][input, bias last][neuron]`.
    weights: Vec<Vec<Vec<Scalar>>>,
}

impl<'a> Derived<'a> {
    fn witness(case: &'a Case) -> Witness {
        let shape = &case.sample.shape;
        let layout = CellLayout::of(&algorithm(shape));
        let rows = |(slot, values): (usize, &Vec<i64>)| {
            values.chunks(shape.outputs(slot)).map(|row| row.iter().map(|w| from_i64(*w)).collect()).collect()
        };
        let weights = case.packed.start.iter().enumerate().map(rows).collect();
        let mut derived = Self { case, layout, witness: Witness::new(&case.sample, &[]), weights };
        (derived.witness.start, derived.witness.committed_start) = (derived.stacked(), derived.stacked());
        for t in 0..shape.steps() {
            derived.note_weights(t);
            (0..shape.batch).for_each(|b| derived.example(t, b));
            derived.update(t);
        }
        (shape.steps()..1 << shape.log_steps()).for_each(|t| derived.note_weights(t));
        derived.finish()
    }

    fn finish(mut self) -> Witness {
        let shape = &self.case.sample.shape;
        self.witness.end = self.stacked();
        let rows = |(slot, values): (usize, &Vec<i64>)| {
            values.chunks(shape.outputs(slot)).map(|row| row.iter().map(|w| from_i64(*w)).collect()).collect()
        };
        self.weights = self.case.packed.end.iter().enumerate().map(rows).collect();
        self.witness.committed_end = self.stacked();
        self.witness.a_update.clone_from(&self.witness.a);
        self.witness.g_update.clone_from(&self.witness.g);
        self.witness
    }

    fn stacked(&self) -> Tensor<4> {
        let mut all = Tensor::new();
        for (l, matrix) in self.weights.iter().enumerate() {
            for (k, row) in matrix.iter().enumerate() {
                let (c, k) = if k == matrix.len() - 1 { (1, 0) } else { (0, k) };
                all.extend(row.iter().enumerate().map(|(j, w)| ([l, c, k, j], *w)));
            }
        }
        all
    }

    fn note_weights(&mut self, t: usize) {
        let all = self.stacked();
        for pass in [&mut self.witness.forward, &mut self.witness.backward] {
            pass.extend(all.iter().map(|([l, c, k, j], w)| ([*l, t, *c, *k, *j], *w)));
        }
    }

    fn example(&mut self, t: usize, b: usize) {
        let sample = &self.case.sample;
        let (shape, last) = (&sample.shape, sample.shape.layers() - 1);
        let point = shape.schedule[t][b] as usize;
        let scale = 1 << (shape.format.f_a - shape.format.f_x);
        let mut input: Vec<Scalar> = sample.features[point].iter().map(|x| from_i128(x * scale)).collect();
        for l in 0..=last {
            self.witness.a.extend(input.iter().enumerate().map(|(k, a)| ([l, t, b, 0, k], *a)));
            self.witness.a.insert([l, t, b, 1, 0], pow2(shape.format.f_a));
            input.push(pow2(shape.format.f_a));
            input = (0..shape.outputs(l)).map(|j| self.forward([l, t, b, j], &input)).collect();
        }
        self.witness.labels.extend(sample.labels[point].iter().enumerate().map(|(j, y)| ([t, b, j], from_i128(*y))));
        for l in (0..last).rev() {
            for k in 0..shape.outputs(l) {
                let terms =
                    (0..shape.outputs(l + 1)).map(|j| self.witness.g[&[l + 1, t, b, j]] * self.weights[l + 1][k][j]);
                let h = terms.sum();
                self.witness.h.insert([l, t, b, k], h);
            }
        }
    }

    /// Z, G and the bits of a cell; returns its activation.
    fn forward(&mut self, cell: [usize; 4], input: &[Scalar]) -> Scalar {
        let [l, t, b, j] = cell;
        let shape = &self.case.sample.shape;
        let z = input.iter().zip(&self.weights[l]).map(|(a, row)| a * row[j]).sum();
        let word = self.case.word(l, t, b, j).unwrap_or_default();
        let bits = (0..1usize << shape.log_bits()).map(|i| Scalar::from(u64::from(i < 128 && word >> i & 1 == 1)));
        self.witness.bits.insert(cell, bits.collect());
        self.witness.z.insert(cell, z);
        if shape.is_output(l) {
            self.witness.g.insert(cell, from_i64(self.layout.unpack_output(word).g));
            return Scalar::ZERO;
        }
        let hidden = self.layout.unpack_hidden(word);
        let kept = |x: i64| if hidden.p < 0 { Scalar::ZERO } else { from_i64(x) };
        self.witness.g.insert(cell, kept(hidden.k));
        kept(hidden.p)
    }

    fn update(&mut self, t: usize) {
        let batch = self.case.sample.shape.batch;
        for (l, matrix) in self.weights.iter_mut().enumerate() {
            let bias = matrix.len() - 1;
            for (k, row) in matrix.iter_mut().enumerate() {
                let (c, k) = if k == bias { (1, 0) } else { (0, k) };
                for (j, w) in row.iter_mut().enumerate() {
                    let terms = (0..batch).map(|b| self.witness.a[&[l, t, b, c, k]] * self.witness.g[&[l, t, b, j]]);
                    *w -= terms.sum::<Scalar>();
                }
            }
        }
    }
}

/// The same equation under its other name.
fn named(equation: Equation) -> Option<relation::Equation> {
    match equation {
        Equation::Slack => Some(relation::Equation::Padding),
        Equation::Forward => Some(relation::Equation::Rounding),
        Equation::Output => Some(relation::Equation::Output),
        Equation::Backward => Some(relation::Equation::BackwardRounding),
        Equation::Update => Some(relation::Equation::End),
        _ => None,
    }
}

/// The claims that do not hold when the shipped prover runs, one of its messages altered.
fn failing(case: &Case, witness: &Witness, message: Option<(u8, i8)>) -> (Vec<&'static str>, bool) {
    let altered = std::rc::Rc::new(std::cell::Cell::new(false));
    let seen = altered.clone();
    let tamper: zkdl_cheat::harness::Tamper = Box::new(move |events: &[Event], _: &str, _, x| {
        let before = events.iter().filter(|event| matches!(event, Event::Value(..))).count();
        match message {
            Some((nth, by)) if before == usize::from(nth) && by != 0 => {
                seen.set(true);
                x + from_i64(by.into())
            }
            _ => x,
        }
    });
    let mut tap = Tap::new(Counter::new(11), &tamper);
    let shape = &case.sample.shape;
    fast::prove(&mut tap, shape, &case.packed, true);
    let claims = Claims::new(&tap.events, shape, None, None).expect("the messages of the protocol");
    (claims.failing(&witness.rows(shape, true)), altered.get())
}

fuzz_target!(init: single_thread(), |input: Input| {
    let sample = Sample::random(input.seed.into(), &sizes(&input));
    let Ok(witness) = honest(&sample) else {
        let packed = Packed::untrained(&sample, &Witness::new(&sample, &sample.start));
        assert!(!Case { sample, packed }.trained(), "the trainer goes on where numbers do not fit");
        return;
    };
    let mut case = Case { packed: Packed::new(&sample, &witness), sample };
    assert!(case.trained(), "two trainers, two witnesses");
    let mut changes: Vec<Change> = input.changes.iter().take(6).copied().collect();
    if input.undone {
        changes.extend(changes.clone().into_iter().filter_map(Change::undo));
    }
    for change in changes {
        let _ = change.apply(&mut case);
    }
    let witness = Derived::witness(&case);
    let (checked, equations) = (case.checked(), violated(&case.sample, &witness));
    assert_eq!(checked.is_none(), equations.is_empty(), "{checked:?} {equations:?}");
    assert!(checked.is_none_or(|e| named(e).is_some_and(|e| equations.contains(&e))), "{checked:?} {equations:?}");
    if !input.prover.is_multiple_of(8) {
        return;
    }
    let (claims, altered) = failing(&case, &witness, input.message);
    assert_eq!(checked.is_none() && !altered, claims.is_empty(), "{checked:?} {altered} {claims:?}");
});

//! The walk over a witness: one example of one step at a time.

use super::{Equation, Relation, Violation, Witness};
use crate::cell::{CellKind, CellLayout, HiddenCell};
use crate::config::MULTIPLIER_LIMIT;
use crate::weights::Weights;

/// Sums stay below this, so that no further addition can wrap.
const LIMIT: i128 = 1 << 126;

/// Where an equation is looked at.
#[derive(Clone, Copy, Default)]
struct Place {
    step: u64,
    layer: usize,
    example: usize,
    neuron: usize,
}

impl Place {
    /// Both sides of an equation are the same integer.
    fn equal(self, equation: Equation, value: i128, expected: i128) -> Result<(), Violation> {
        if value == expected { Ok(()) } else { Err(self.violation(equation, value, expected)) }
    }

    fn violation(self, equation: Equation, value: i128, expected: i128) -> Violation {
        let Self { step, layer, example, neuron } = self;
        Violation { equation, step, layer, example, neuron, value, expected }
    }

    fn neuron(self, neuron: usize) -> Self {
        Self { neuron, ..self }
    }

    fn layer(self, layer: usize) -> Self {
        Self { layer, ..self }
    }
}

/// A, and G once it is known, of one example: `[layer][neuron]`.
struct Example {
    activations: Vec<Vec<i128>>,
    gradients: Vec<Vec<i128>>,
    hidden: Vec<Vec<HiddenCell>>,
}

pub(super) struct Walk<'a, W> {
    relation: Relation<'a>,
    witness: &'a W,
    layout: CellLayout,
    /// W_t: `[layer][input, bias last][neuron]`.
    weights: Vec<Vec<Vec<i128>>>,
}

impl<'a, W: Witness> Walk<'a, W> {
    /// Checks the sizes and starts from the witness's first weights.
    pub(super) fn new(relation: Relation<'a>, witness: &'a W) -> Result<Self, Violation> {
        check_sizes(&relation, witness)?;
        let layout = CellLayout::of(relation.algorithm);
        Ok(Self { relation, witness, layout, weights: matrices(witness.start()) })
    }

    pub(super) fn run<'d>(mut self, point: impl Fn(u32) -> Option<(&'d [i32], u32)>) -> Result<(), Violation> {
        for t in 0..self.relation.indices.len() {
            let mut examples = Vec::with_capacity(self.batch());
            for b in 0..self.batch() {
                examples.push(self.example(t, b, &point)?);
            }
            self.update(t, &examples)?;
        }
        self.compare_end()
    }

    fn example<'d>(
        &self,
        t: usize,
        b: usize,
        point: &impl Fn(u32) -> Option<(&'d [i32], u32)>,
    ) -> Result<Example, Violation> {
        let place = Place { step: self.step(t), example: b, ..Place::default() };
        let (input, label) = self.select(t, b, place, point)?;
        let mut example = Example { activations: vec![input], gradients: Vec::new(), hidden: Vec::new() };
        for layer in 1..self.layers() {
            self.forward(t, place.layer(layer), &mut example)?;
        }
        self.output(t, place.layer(self.layers()), label, &mut example)?;
        for layer in (1..self.layers()).rev() {
            self.backward(place.layer(layer), &mut example)?;
        }
        example.gradients.reverse();
        Ok(example)
    }

    /// A^0 and the label of (t, b).
    fn select<'d>(
        &self,
        t: usize,
        b: usize,
        place: Place,
        point: &impl Fn(u32) -> Option<(&'d [i32], u32)>,
    ) -> Result<(Vec<i128>, u32), Violation> {
        let algorithm = self.relation.algorithm;
        let index = self.relation.indices[t][b];
        let missing = || place.violation(Equation::Selection, -1, i128::from(index));
        let (row, label) = point(index).ok_or_else(missing)?;
        place.equal(Equation::Shape, row.len() as i128, i128::from(algorithm.widths[0]))?;
        if let Some((used, used_label)) = self.witness.row(t, b) {
            place.equal(Equation::Shape, used.len() as i128, row.len() as i128)?;
            for (j, (&value, &expected)) in used.iter().zip(row).enumerate() {
                place.neuron(j).equal(Equation::Selection, value.into(), expected.into())?;
            }
            place.equal(Equation::Selection, used_label.into(), label.into())?;
        }
        for (j, &x) in row.iter().enumerate() {
            let nearest = x.clamp(algorithm.input_min, algorithm.input_max);
            place.neuron(j).equal(Equation::Range, x.into(), nearest.into())?;
        }
        let classes = algorithm.widths[self.layers()];
        place.equal(Equation::Label, label.into(), label.min(classes - 1).into())?;
        let scale = 1i128 << (algorithm.format.f_a - algorithm.f_x);
        Ok((row.iter().map(|&x| scale * i128::from(x)).collect(), label))
    }

    /// Z + 2^(R-1) = 2^R P + rem_Z, and A = P where P >= 0, else 0.
    fn forward(&self, t: usize, place: Place, example: &mut Example) -> Result<(), Violation> {
        let r = self.relation.algorithm.format.f_w();
        let sums = self.sums(place, &example.activations[place.layer - 1])?;
        let mut cells = Vec::with_capacity(sums.len());
        for (j, &z) in sums.iter().enumerate() {
            let at = place.neuron(j);
            let cell = self.layout.unpack_hidden(self.word(t, at, CellKind::Hidden)?);
            let decomposed = (i128::from(cell.p) << r) + i128::from(cell.rem_z);
            at.equal(Equation::Forward, decomposed, z + (1 << (r - 1)))?;
            cells.push(cell);
        }
        example.activations.push(cells.iter().map(|cell| if cell.p < 0 { 0 } else { cell.p.into() }).collect());
        example.hidden.push(cells);
        Ok(())
    }

    /// c_t (Z - 2^f_W Y) + 2^(R_L-1) = 2^R_L G + rem_L.
    fn output(&self, t: usize, place: Place, label: u32, example: &mut Example) -> Result<(), Violation> {
        let algorithm = self.relation.algorithm;
        let one = 1i128 << (algorithm.format.f_w() + algorithm.format.f_a);
        let c = i128::from(self.relation.multipliers[t]);
        let sums = self.sums(place, &example.activations[place.layer - 1])?;
        let mut gradient = Vec::with_capacity(sums.len());
        for (j, &z) in sums.iter().enumerate() {
            let at = place.neuron(j);
            let cell = self.layout.unpack_output(self.word(t, at, CellKind::Output)?);
            let error = if j == label as usize { z - one } else { z };
            let scaled = within(at, c.checked_mul(error))?;
            let decomposed = (i128::from(cell.g) << algorithm.r_l) + i128::from(cell.rem_l);
            at.equal(Equation::Output, decomposed, scaled + (1 << (algorithm.r_l - 1)))?;
            gradient.push(cell.g.into());
        }
        example.gradients.push(gradient);
        Ok(())
    }

    /// H + 2^(R-1) = 2^R K + rem_H, and G = K where P >= 0, else 0.
    fn backward(&self, place: Place, example: &mut Example) -> Result<(), Violation> {
        let r = self.relation.algorithm.format.f_w();
        let next = &example.gradients[example.gradients.len() - 1];
        let mut gradient = Vec::new();
        for (k, cell) in example.hidden[place.layer - 1].iter().enumerate() {
            let at = place.neuron(k);
            let mut h = 0i128;
            for (g, w) in next.iter().zip(&self.weights[place.layer][k]) {
                h = within(at, g.checked_mul(*w).and_then(|product| h.checked_add(product)))?;
            }
            let decomposed = (i128::from(cell.k) << r) + i128::from(cell.rem_h);
            at.equal(Equation::Backward, decomposed, h + (1 << (r - 1)))?;
            gradient.push(if cell.p < 0 { 0 } else { cell.k.into() });
        }
        example.gradients.push(gradient);
        Ok(())
    }

    /// W -= A^T G, b -= 2^f_A 1^T G, example by example.
    fn update(&mut self, t: usize, examples: &[Example]) -> Result<(), Violation> {
        let one = 1i128 << self.relation.algorithm.format.f_a;
        let step = self.step(t);
        for example in examples {
            for (slot, matrix) in self.weights.iter_mut().enumerate() {
                let inputs = example.activations[slot].iter().chain([&one]);
                for (k, (row, &a)) in matrix.iter_mut().zip(inputs).enumerate() {
                    let place = Place { step, layer: slot + 1, example: k, neuron: 0 };
                    subtract(place, row, a, &example.gradients[slot])?;
                }
            }
        }
        Ok(())
    }

    fn compare_end(&self) -> Result<(), Violation> {
        let step = self.step(self.relation.indices.len());
        for (slot, (ours, theirs)) in self.weights.iter().zip(matrices(self.witness.end())).enumerate() {
            for (k, (row, claimed)) in ours.iter().zip(theirs).enumerate() {
                let place = Place { step, layer: slot + 1, example: k, neuron: 0 };
                for (j, (&expected, value)) in row.iter().zip(claimed).enumerate() {
                    place.neuron(j).equal(Equation::Update, value, expected)?;
                }
            }
        }
        Ok(())
    }

    /// Z of one example: the inputs times the weights, and 2^f_A times the bias.
    fn sums(&self, place: Place, inputs: &[i128]) -> Result<Vec<i128>, Violation> {
        let one = 1i128 << self.relation.algorithm.format.f_a;
        let matrix = &self.weights[place.layer - 1];
        let mut sums = vec![0i128; matrix[0].len()];
        for (row, &a) in matrix.iter().zip(inputs.iter().chain([&one])) {
            for (j, (sum, &w)) in sums.iter_mut().zip(row).enumerate() {
                let product = a.checked_mul(w);
                *sum = within(place.neuron(j), product.and_then(|product| sum.checked_add(product)))?;
            }
        }
        Ok(sums)
    }

    /// The bits of a cell, whose slack must be zero.
    fn word(&self, t: usize, place: Place, kind: CellKind) -> Result<u128, Violation> {
        let missing = || place.violation(Equation::Shape, 0, 1);
        let word = self.witness.cell(place.layer - 1, t, place.example, place.neuron).ok_or_else(missing)?;
        let slack = self.layout.slack(kind, word);
        place.equal(Equation::Slack, i128::try_from(slack).unwrap_or(i128::MAX), 0)?;
        Ok(word)
    }

    fn step(&self, t: usize) -> u64 {
        self.relation.first_step.saturating_add(t as u64)
    }

    fn layers(&self) -> usize {
        self.relation.algorithm.layers()
    }

    fn batch(&self) -> usize {
        self.relation.algorithm.batch as usize
    }
}

fn check_sizes(relation: &Relation<'_>, witness: &impl Witness) -> Result<(), Violation> {
    let Relation { algorithm, first_step, multipliers, indices } = *relation;
    let place = Place { step: first_step, ..Place::default() };
    place.equal(Equation::Shape, algorithm.validate().is_ok().into(), 1)?;
    let steps = indices.len() as i128;
    place.equal(Equation::Shape, steps, steps.max(1))?;
    place.equal(Equation::Shape, multipliers.len() as i128, steps)?;
    place.equal(Equation::Shape, witness.steps() as i128, steps)?;
    for batch in indices {
        place.equal(Equation::Shape, batch.len() as i128, algorithm.batch.into())?;
    }
    for weights in [witness.start(), witness.end()] {
        let fits = weights.check_shape(&algorithm.widths).is_ok();
        place.equal(Equation::Shape, fits.into(), 1)?;
    }
    let last = i128::from(first_step) + steps;
    place.equal(Equation::Steps, last, last.min(algorithm.max_steps.into()))?;
    for (t, &c) in multipliers.iter().enumerate() {
        let place = Place { step: first_step + t as u64, ..place };
        place.equal(Equation::Multiplier, c.into(), c.clamp(1, MULTIPLIER_LIMIT).into())?;
    }
    Ok(())
}

/// Weights as `[layer][input, bias last][neuron]`.
fn matrices(weights: &Weights) -> Vec<Vec<Vec<i128>>> {
    let rows =
        |values: &[i64], width| values.chunks(width).map(|row| row.iter().map(|&w| w.into()).collect()).collect();
    weights.layers.iter().map(|layer| rows(&layer.values, layer.outputs)).collect()
}

/// row -= a g.
fn subtract(place: Place, row: &mut [i128], a: i128, gradient: &[i128]) -> Result<(), Violation> {
    if a == 0 {
        return Ok(());
    }
    for (j, (w, &g)) in row.iter_mut().zip(gradient).enumerate() {
        let updated = a.checked_mul(g).and_then(|product| w.checked_sub(product));
        *w = within(place.neuron(j), updated)?;
    }
    Ok(())
}

/// A sum that did not wrap and stays below 2^126.
fn within(place: Place, sum: Option<i128>) -> Result<i128, Violation> {
    match sum {
        Some(value) if value.abs() < LIMIT => Ok(value),
        other => Err(place.violation(Equation::Magnitude, other.unwrap_or(i128::MAX), LIMIT)),
    }
}

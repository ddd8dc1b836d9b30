//! The walk over a witness: one example of one step at a time.

use super::{Equation, Relation, Violation, Witness};
use crate::cell::{CellKind, CellLayout, HiddenCell};
use crate::config::MULTIPLIER_LIMIT;
use crate::weights::Weights;
use zkdl_dataset::number::{to_u64, to_usize};

/// Sums stay below this, so that no further addition can wrap.
const LIMIT: i128 = 1 << 126;

/// Weights of a layer: `[input, bias last][neuron]`.
type Matrix = Vec<Vec<i128>>;

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

/// A and G of one example: `[layer][neuron]`.
struct Example {
    activations: Vec<Vec<i128>>,
    gradients: Vec<Vec<i128>>,
}

pub(super) struct Walk<'a, W> {
    relation: Relation<'a>,
    witness: &'a W,
    layout: CellLayout,
    /// W_t of every layer.
    weights: Vec<Matrix>,
}

impl<'a, W: Witness> Walk<'a, W> {
    /// Checks the sizes and starts from the witness's first weights.
    pub(super) fn new(relation: Relation<'a>, witness: &'a W) -> Result<Self, Violation> {
        check_sizes(&relation, witness)?;
        let layout = CellLayout::of(relation.algorithm);
        Ok(Self { relation, witness, layout, weights: matrices(witness.start()) })
    }

    pub(super) fn run<'d>(mut self, point: impl Fn(u32) -> Option<(&'d [i32], u32)>) -> Result<(), Violation> {
        let Relation { indices, multipliers, .. } = self.relation;
        for (t, (batch, c)) in indices.iter().zip(multipliers).enumerate() {
            let mut examples = Vec::with_capacity(batch.len());
            for (b, index) in batch.iter().enumerate() {
                let place = Place { step: self.step(t), example: b, ..Place::default() };
                examples.push(self.example(t, place, *index, *c, &point)?);
            }
            self.update(t, &examples)?;
        }
        self.compare_end()
    }

    fn example<'d>(
        &self,
        t: usize,
        place: Place,
        index: u32,
        c: u64,
        point: &impl Fn(u32) -> Option<(&'d [i32], u32)>,
    ) -> Result<Example, Violation> {
        let (mut input, label) = self.select(t, place, index, point)?;
        let (last, below) = self.weights.split_last().ok_or_else(|| place.violation(Equation::Shape, 0, 1))?;
        let (mut activations, mut hidden) = (Vec::new(), Vec::new());
        for (layer, matrix) in (1..).zip(below) {
            let cells = self.forward(t, place.layer(layer), matrix, &input)?;
            let output = cells.iter().map(|cell| if cell.p < 0 { 0 } else { cell.p.into() }).collect();
            activations.push(std::mem::replace(&mut input, output));
            hidden.push(cells);
        }
        let mut gradient = self.output(t, place.layer(self.layers()), last, &input, (label, c))?;
        activations.push(input);
        let mut gradients = Vec::new();
        let above = hidden.iter().zip(self.weights.iter().skip(1));
        for (layer, (cells, matrix)) in (1..self.layers()).rev().zip(above.rev()) {
            let lower = self.backward(place.layer(layer), cells, matrix, &gradient)?;
            gradients.push(std::mem::replace(&mut gradient, lower));
        }
        gradients.push(gradient);
        gradients.reverse();
        Ok(Example { activations, gradients })
    }

    /// A^0 and the label of (t, b), which is point `index`.
    fn select<'d>(
        &self,
        t: usize,
        place: Place,
        index: u32,
        point: &impl Fn(u32) -> Option<(&'d [i32], u32)>,
    ) -> Result<(Vec<i128>, u32), Violation> {
        let algorithm = self.relation.algorithm;
        let [width, .., classes] = algorithm.widths[..] else { return Err(place.violation(Equation::Shape, 0, 1)) };
        let missing = || place.violation(Equation::Selection, -1, i128::from(index));
        let (row, label) = point(index).ok_or_else(missing)?;
        place.equal(Equation::Shape, wide(row.len()), width.into())?;
        if let Some((used, used_label)) = self.witness.row(t, place.example) {
            place.equal(Equation::Shape, wide(used.len()), wide(row.len()))?;
            for (j, (&value, &expected)) in used.iter().zip(row).enumerate() {
                place.neuron(j).equal(Equation::Selection, value.into(), expected.into())?;
            }
            place.equal(Equation::Selection, used_label.into(), label.into())?;
        }
        for (j, &x) in row.iter().enumerate() {
            let nearest = x.clamp(algorithm.input_min, algorithm.input_max);
            place.neuron(j).equal(Equation::Range, x.into(), nearest.into())?;
        }
        place.equal(Equation::Label, label.into(), label.min(classes.saturating_sub(1)).into())?;
        let shift = algorithm.format.f_a.saturating_sub(algorithm.f_x);
        Ok((row.iter().map(|&x| i128::from(x) << shift).collect(), label))
    }

    /// Z + 2^(R-1) = 2^R P + rem_Z; then A = P where P >= 0, else 0.
    fn forward(&self, t: usize, place: Place, matrix: &Matrix, input: &[i128]) -> Result<Vec<HiddenCell>, Violation> {
        let r = self.relation.algorithm.format.f_w();
        let sums = self.sums(place, matrix, input)?;
        let mut cells = Vec::with_capacity(sums.len());
        for (j, &z) in sums.iter().enumerate() {
            let at = place.neuron(j);
            let cell = self.layout.unpack_hidden(self.word(t, at, CellKind::Hidden)?);
            at.equal(Equation::Forward, decomposed(cell.p, cell.rem_z, r), z.saturating_add(half(r)))?;
            cells.push(cell);
        }
        Ok(cells)
    }

    /// c_t (Z - 2^f_W Y) + 2^(R_L-1) = 2^R_L G + rem_L.
    fn output(
        &self,
        t: usize,
        place: Place,
        matrix: &Matrix,
        input: &[i128],
        (label, c): (u32, u64),
    ) -> Result<Vec<i128>, Violation> {
        let algorithm = self.relation.algorithm;
        let one = 1i128 << algorithm.format.f_w().saturating_add(algorithm.format.f_a);
        let sums = self.sums(place, matrix, input)?;
        let mut gradient = Vec::with_capacity(sums.len());
        for (j, &z) in sums.iter().enumerate() {
            let at = place.neuron(j);
            let cell = self.layout.unpack_output(self.word(t, at, CellKind::Output)?);
            let error = if j == to_usize(label) { z.saturating_sub(one) } else { z };
            let scaled = within(at, i128::from(c).checked_mul(error))?;
            let r_l = algorithm.r_l;
            at.equal(Equation::Output, decomposed(cell.g, cell.rem_l, r_l), scaled.saturating_add(half(r_l)))?;
            gradient.push(cell.g.into());
        }
        Ok(gradient)
    }

    /// H + 2^(R-1) = 2^R K + rem_H, and G = K where P >= 0, else 0.
    fn backward(
        &self,
        place: Place,
        cells: &[HiddenCell],
        above: &Matrix,
        next: &[i128],
    ) -> Result<Vec<i128>, Violation> {
        let r = self.relation.algorithm.format.f_w();
        let mut gradient = Vec::with_capacity(cells.len());
        for (k, (cell, row)) in cells.iter().zip(above).enumerate() {
            let at = place.neuron(k);
            let mut h = 0i128;
            for (g, w) in next.iter().zip(row) {
                h = within(at, g.checked_mul(*w).and_then(|product| h.checked_add(product)))?;
            }
            at.equal(Equation::Backward, decomposed(cell.k, cell.rem_h, r), h.saturating_add(half(r)))?;
            gradient.push(if cell.p < 0 { 0 } else { cell.k.into() });
        }
        Ok(gradient)
    }

    /// W -= A^T G, b -= 2^f_A 1^T G, example by example.
    fn update(&mut self, t: usize, examples: &[Example]) -> Result<(), Violation> {
        let one = 1i128 << self.relation.algorithm.format.f_a;
        let step = self.step(t);
        for example in examples {
            let known = example.activations.iter().zip(&example.gradients);
            for (layer, (matrix, (activations, gradient))) in (1..).zip(self.weights.iter_mut().zip(known)) {
                let inputs = activations.iter().chain([&one]);
                for (k, (row, &a)) in matrix.iter_mut().zip(inputs).enumerate() {
                    subtract(Place { step, layer, example: k, neuron: 0 }, row, a, gradient)?;
                }
            }
        }
        Ok(())
    }

    fn compare_end(&self) -> Result<(), Violation> {
        let step = self.step(self.relation.indices.len());
        for (layer, (ours, theirs)) in (1..).zip(self.weights.iter().zip(matrices(self.witness.end()))) {
            for (k, (row, claimed)) in ours.iter().zip(theirs).enumerate() {
                let place = Place { step, layer, example: k, neuron: 0 };
                for (j, (&expected, value)) in row.iter().zip(claimed).enumerate() {
                    place.neuron(j).equal(Equation::Update, value, expected)?;
                }
            }
        }
        Ok(())
    }

    /// Z of one example: the inputs times the weights, and 2^f_A times the bias.
    fn sums(&self, place: Place, matrix: &Matrix, inputs: &[i128]) -> Result<Vec<i128>, Violation> {
        let one = 1i128 << self.relation.algorithm.format.f_a;
        let first = matrix.first().ok_or_else(|| place.violation(Equation::Shape, 0, 1))?;
        let mut sums = vec![0i128; first.len()];
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
        let cell = |slot| self.witness.cell(slot, t, place.example, place.neuron);
        let word = place.layer.checked_sub(1).and_then(cell).ok_or_else(missing)?;
        let slack = self.layout.slack(kind, word);
        place.equal(Equation::Slack, i128::try_from(slack).unwrap_or(i128::MAX), 0)?;
        Ok(word)
    }

    fn step(&self, t: usize) -> u64 {
        self.relation.first_step.saturating_add(to_u64(t))
    }

    fn layers(&self) -> usize {
        self.relation.algorithm.layers()
    }
}

fn check_sizes(relation: &Relation<'_>, witness: &impl Witness) -> Result<(), Violation> {
    let Relation { algorithm, first_step, multipliers, indices } = *relation;
    let place = Place { step: first_step, ..Place::default() };
    place.equal(Equation::Shape, algorithm.validate().is_ok().into(), 1)?;
    let steps = wide(indices.len());
    place.equal(Equation::Shape, steps, steps.max(1))?;
    place.equal(Equation::Shape, wide(multipliers.len()), steps)?;
    place.equal(Equation::Shape, wide(witness.steps()), steps)?;
    for batch in indices {
        place.equal(Equation::Shape, wide(batch.len()), algorithm.batch.into())?;
    }
    for weights in [witness.start(), witness.end()] {
        let fits = weights.check_shape(&algorithm.widths).is_ok();
        place.equal(Equation::Shape, fits.into(), 1)?;
    }
    let last = i128::from(first_step).saturating_add(steps);
    place.equal(Equation::Steps, last, last.min(algorithm.max_steps.into()))?;
    for (t, &c) in multipliers.iter().enumerate() {
        let place = Place { step: first_step.saturating_add(to_u64(t)), ..place };
        place.equal(Equation::Multiplier, c.into(), c.clamp(1, MULTIPLIER_LIMIT).into())?;
    }
    Ok(())
}

/// Weights of every layer.
fn matrices(weights: &Weights) -> Vec<Matrix> {
    let rows =
        |values: &[i64], width| values.chunks(width).map(|row| row.iter().map(|&w| w.into()).collect()).collect();
    weights.layers.iter().map(|layer| rows(&layer.values, layer.outputs)).collect()
}

/// 2^(bits - 1).
fn half(bits: u32) -> i128 {
    1 << bits.saturating_sub(1)
}

/// 2^bits quotient + remainder: far below 2^127, because both have the bits of a cell's field.
fn decomposed(quotient: i64, remainder: u64, bits: u32) -> i128 {
    (i128::from(quotient) << bits).saturating_add(remainder.into())
}

fn wide(n: usize) -> i128 {
    to_u64(n).into()
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
        Some(value) if (1 - LIMIT..LIMIT).contains(&value) => Ok(value),
        other => Err(place.violation(Equation::Magnitude, other.unwrap_or(i128::MAX), LIMIT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_from_the_limit_on_are_refused_on_both_sides() {
        for sum in [1 - LIMIT, 0, LIMIT - 1] {
            assert_eq!(within(Place::default(), Some(sum)), Ok(sum));
        }
        for sum in [Some(-LIMIT), Some(LIMIT), Some(i128::MIN), Some(i128::MAX), None] {
            assert_eq!(within(Place::default(), sum).unwrap_err().equation, Equation::Magnitude, "{sum:?}");
        }
    }
}

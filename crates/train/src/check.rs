//! The relation, checked plainly: every equation of training on a witness, naming the first one that is violated.
//!
//! This is a second implementation, from the definition and with none of the trainer's arithmetic: loops over 128-bit integers,
//! weights updated step by step. It takes its tensors from the cells (A and G from their bits) and the rows from the data by the public
//! schedule, and compares; it rounds nothing. It is slow (a few nanoseconds a multiply-add, three a parameter and row) and meant for
//! `check` before a proof and for tests that must know which equation a false witness breaks.
//!
//! Order: sizes, then step by step each example (selection, slack, layers upwards, output, layers downwards), then the final weights.

mod walk;

use std::fmt;

use crate::config::Algorithm;
use crate::trace::Trace;
use crate::weights::Weights;

/// The equations of the relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equation {
    /// The configuration is valid, and window, weights and cells have its sizes.
    Shape,
    /// The window ends within the run's cap on steps.
    Steps,
    /// 1 <= c_t <= 2^20.
    Multiplier,
    /// The row of (t, b) is the scheduled point.
    Selection,
    /// Features lie in the declared range.
    Range,
    /// The label is a class.
    Label,
    /// Bits above a cell's fields are zero.
    Slack,
    /// The rounding of Z in a hidden layer.
    Forward,
    /// The rounding of the output gradient.
    Output,
    /// The rounding of H in a hidden layer.
    Backward,
    /// Exact accumulation.
    Update,
    /// A sum stays within 126 bits.
    Magnitude,
}

impl fmt::Display for Equation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Equation::Shape => "sizes as the statement says",
            Equation::Steps => "t_0 + T <= max_steps",
            Equation::Multiplier => "1 <= c_t <= 2^20",
            Equation::Selection => "row (t,b) = point idx(t,b)",
            Equation::Range => "input_min <= x <= input_max",
            Equation::Label => "label < d_L",
            Equation::Slack => "bits above a cell's fields = 0",
            Equation::Forward => "Z + 2^(R-1) = 2^R P + rem_Z",
            Equation::Output => "c_t (Z - 2^f_W Y) + 2^(R_L-1) = 2^R_L G + rem_L",
            Equation::Backward => "H + 2^(R-1) = 2^R K + rem_H",
            Equation::Update => "W_T = W_0 - sum A^T G",
            Equation::Magnitude => "|sum| < 2^126",
        })
    }
}

/// The first equation that a witness violates, and where.
///
/// Fields that an equation does not have are 0. For [`Equation::Update`], `example` is the input k (d_(l-1) for the bias) of
/// weight (k, j).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which equation.
    pub equation: Equation,
    /// Step, from 0 over the whole run.
    pub step: u64,
    /// Layer, from 1; 0 for the data rows.
    pub layer: usize,
    /// Row of the batch, from 0.
    pub example: usize,
    /// Neuron or feature, from 0.
    pub neuron: usize,
    /// What the witness says (the right-hand side).
    pub value: i128,
    /// What the equation asks for (the left-hand side).
    pub expected: i128,
}

impl std::error::Error for Violation {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { equation, step, layer, example, neuron, value, expected } = self;
        let row = if *equation == Equation::Update { "input" } else { "example" };
        write!(f, "{equation} fails at step {step}, layer {layer}, {row} {example}, neuron {neuron}: ")?;
        write!(f, "the witness has {value}, the equation asks for {expected}")
    }
}

/// The public side of a window: what the witness is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Relation<'a> {
    /// The algorithm.
    pub algorithm: &'a Algorithm,
    /// Number of the window's first step.
    pub first_step: u64,
    /// c_t of every step.
    pub multipliers: &'a [u64],
    /// Points of every step.
    pub indices: &'a [Vec<u32>],
}

/// A witness of one window. [`Trace`] is one; tests wrap it to change single values.
pub trait Witness {
    /// Weights before the window.
    fn start(&self) -> &Weights;

    /// Weights after the window.
    fn end(&self) -> &Weights;

    /// Steps of the window.
    fn steps(&self) -> usize;

    /// The bits of cell (t, b, j) of layer `slot` + 1, slack included; `None` where the witness has no such cell.
    fn cell(&self, slot: usize, t: usize, b: usize, j: usize) -> Option<u128>;

    /// The row this witness used for (t, b), where it claims one of its own; by default it is the scheduled point's.
    fn row(&self, _t: usize, _b: usize) -> Option<(&[i32], u32)> {
        None
    }
}

impl Witness for Trace {
    fn start(&self) -> &Weights {
        &self.start
    }

    fn end(&self) -> &Weights {
        &self.end
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn cell(&self, slot: usize, t: usize, b: usize, j: usize) -> Option<u128> {
        self.layers.get(slot)?.cell(t, b, j)
    }
}

/// Checks every equation of a window; `point` returns features and label of a data point.
///
/// Work: 3 multiply-adds a parameter, row and step, one thread. Bytes that a [`Trace`] stores beyond
/// the statement's cells are not looked at: no proof reads them.
///
/// # Errors
/// The first [`Violation`] in the order of the module's text.
pub fn check<'d>(
    relation: &Relation<'_>,
    point: impl Fn(u32) -> Option<(&'d [i32], u32)>,
    witness: &impl Witness,
) -> Result<(), Violation> {
    walk::Walk::new(*relation, witness)?.run(point)
}

//! Real statements whose start weights reach every corner of a rounding, and real proofs of cheating witnesses.
//!
//! A cheat commits to what it likes, also field elements that are no bits, and sends the messages of [`crate::plain`] through
//! the real channel; everything after zkReLU is the shipped prover. The judge is the shipped verifier.

use crate::harness::{Claims, Event, Tamper, Tap};
use crate::plain::{self, Strategy};
use crate::sample::{Draw, Sample};
use crate::start;
use crate::trainer::Matrix;
use crate::witness::{Packed, Witness, flatten};
use std::sync::Arc;
use zkdl::commitment::commit_weights;
use zkdl::points::commit_points;
use zkdl::proof::Proof;
use zkdl::statement::{Limits, PROTOCOL};
use zkdl::{
    BlindedRows, GeneratorSource, Origin, PointCommitments, ProveError, ProverInput, Start, Statement, Verified,
    VerifyError, prove, verify,
};
use zkdl_arguments::opening::{self, RowValues};
use zkdl_arguments::selection::RowBases;
use zkdl_arguments::start_ranges;
use zkdl_commit::blinds::{BlindSource, Entropy, OsEntropy};
use zkdl_commit::channel::ProofWriter;
use zkdl_commit::msm::msm;
use zkdl_commit::{ipa, sigma};
use zkdl_dataset::{Descriptor, ValueRange};
use zkdl_field::generators::Generators;
use zkdl_field::multilinear::evaluate;
use zkdl_field::scalar::{RandomnessError, dot};
use zkdl_field::{Affine, Field, Scalar, group};
use zkdl_train::{CellKind, Format, LayerCells, Trace, Weights, initial_weights};
use zkdl_transcript::{ReadError, Sender};

/// Sizes and seed of a case.
#[derive(Debug, Clone)]
pub struct Config {
    /// Fixes data, order and weights.
    pub seed: u64,
    /// `d_0 .. d_L`.
    pub widths: Vec<u32>,
    /// Examples a step.
    pub batch: u32,
    /// Steps.
    pub steps: usize,
    /// Data points.
    pub points: u32,
    /// Binary logarithm of the columns.
    pub log_columns: u32,
    /// Where the window starts.
    pub beginning: Beginning,
}

/// Where a window starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// At step 0, with weights that everybody knows.
    Seed,
    /// At a later step, with weights that an earlier window left.
    Later,
    /// At step 0, with weights that the run was given, of so many bits. The last feature of every point is 0: no equation of
    /// training notices its weights.
    Named(u32),
}

/// A statement without weight rows, and all that honest parties know.
pub struct Case {
    /// Statement; the weight rows are missing.
    pub statement: Statement,
    /// Its integers.
    pub sample: Sample,
    /// Public point commitments.
    pub points: PointCommitments,
    /// Generators of the statement's columns.
    pub generators: Arc<Generators>,
    source: GeneratorSource,
    point_rows: BlindedRows,
}

/// What a prover made of a witness.
pub struct Attempt {
    /// The statement with the rows it committed.
    pub statement: Statement,
    /// The proof.
    pub proof: Proof,
    /// Everything said up to the opening.
    pub events: Vec<Event>,
    /// Whether the inner product that the opening leaves is the one of the committed rows.
    pub opened: bool,
}

/// Repeatable "entropy".
struct Repeatable(Draw);

impl Entropy for Repeatable {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        bytes.iter_mut().for_each(|b| *b = self.0.word() as u8);
        Ok(())
    }
}

/// R_L of all cases.
const R_L: u32 = 19;
/// The largest feature, and its negative the smallest.
const LARGEST: i32 = 8;

impl Beginning {
    fn start(self) -> Start {
        let committed = |origin| Start::Committed { origin, rows: Vec::new() };
        match self {
            Self::Seed => Start::Seed,
            Self::Later => committed(Origin::Seed),
            Self::Named(bits) => committed(Origin::Named { bits }),
        }
    }
}

fn draft(config: &Config, draw: &mut Draw) -> Statement {
    let classes = config.widths.last().copied().unwrap_or(1);
    let format = Format { f_a: 3, f_g: 4, q: 16, q_g: 16 };
    // Weights move by sums over a batch: the larger it is, the smaller the rate, lest they leave the bits of the format.
    let rate = |n: i128| (n << (R_L - format.f_w())) / i128::from(config.batch);
    let (low, high) = (rate(1), rate(6));
    Statement {
        data: Descriptor::uniform(
            config.points,
            config.widths[0],
            classes,
            ValueRange { min: -LARGEST, max: LARGEST },
            2,
        ),
        hidden: config.widths[1..config.widths.len() - 1].to_vec(),
        format,
        batch: config.batch,
        r_l: R_L,
        max_steps: 100,
        nonce: [config.seed as u8; 32],
        first_step: u64::from(config.beginning == Beginning::Later),
        multipliers: (0..config.steps).map(|_| draw.between(low, high) as u64).collect(),
        log_columns: config.log_columns,
        start: config.beginning.start(),
        end: Vec::new(),
    }
}

impl Case {
    /// Draws a case. Its first example's cells of layer 1 are, if the start is committed, in order: a tie, Z = 0,
    /// Z = -2^(R-1), Z > 0, Z < 0.
    ///
    /// # Errors
    /// [`ProveError`] if the statement is refused.
    pub fn new(config: &Config) -> Result<Self, ProveError> {
        let draw = &mut Draw(config.seed);
        let (width, classes) = (config.widths[0], config.widths[config.widths.len() - 1]);
        let largest = i128::from(LARGEST);
        let mut features: Vec<i32> =
            (0..config.points * width).map(|_| draw.between(-largest, largest) as i32).collect();
        if matches!(config.beginning, Beginning::Named(_)) {
            features.iter_mut().skip(width as usize - 1).step_by(width as usize).for_each(|x| *x = 0);
        }
        let labels: Vec<u32> = (0..config.points).map(|_| draw.between(0, i128::from(classes) - 1) as u32).collect();
        let source = GeneratorSource::derived();
        let generators = source.first(1 << config.log_columns);
        let entropy = &mut Repeatable(draw.clone());
        let point_rows = commit_points(&generators, &features, &labels, classes as usize, entropy)?;
        let points = PointCommitments(point_rows.rows.clone());
        let mut statement = draft(config, draw);
        statement.data.root = points.root(&statement.data).unwrap_or_default();
        let mut shape = statement.sizes(&Limits::default())?;
        shape.schedule = statement.schedule()?.window_indices(statement.first_step, shape.steps());
        let integers = |row: &[i32]| row.iter().map(|x| i128::from(*x)).collect();
        let one_hot = |label: &u32| (0..classes).map(|j| i128::from(j == *label)).collect();
        let mut sample = Sample {
            start: Vec::new(),
            features: features.chunks(width as usize).map(integers).collect(),
            labels: labels.iter().map(one_hot).collect(),
            shape,
        };
        sample.start = if statement.start.is_committed() { planted(draw, &sample) } else { seeded(&statement) };
        Ok(Self { statement, sample, points, generators, source, point_rows })
    }

    fn start_committed(&self) -> bool {
        self.statement.start.is_committed()
    }

    /// Where the bits of start weights lie, if they are named.
    #[must_use]
    pub fn start_layout(&self) -> Option<start_ranges::Layout> {
        let bases = RowBases::new(&self.sample.shape, true);
        let bits = self.statement.proves_start()?;
        Some(start_ranges::Layout::new(&self.sample.shape, bits, bases.start?, bases.total))
    }

    /// Gives a witness the bits of its start weights, if they are named; nothing if these are out of range.
    #[must_use]
    pub fn with_start_bits(&self, mut witness: Witness) -> Option<Witness> {
        if let Some(layout) = self.start_layout() {
            witness.start_bits = start::bits(&layout, &self.sample.shape, &witness)?;
        }
        Some(witness)
    }

    /// All committed rows of a witness.
    fn rows(&self, witness: &Witness) -> Vec<Vec<Scalar>> {
        let columns = self.sample.shape.columns;
        let mut rows = witness.rows(&self.sample.shape, self.start_committed());
        let mut bits = witness.start_bits.concat();
        bits.resize(bits.len().next_multiple_of(columns), Scalar::ZERO);
        rows.extend(bits.chunks(columns).map(<[_]>::to_vec));
        rows
    }

    /// The public start weights, if they are public.
    #[must_use]
    pub fn public_start(&self, witness: &Witness) -> Option<Vec<Vec<i64>>> {
        (!self.start_committed()).then(|| flatten(&self.sample.shape, &witness.committed_start))
    }

    /// Commits to what the witness says, and proves it with honest code or an adaptive prover.
    ///
    /// # Errors
    /// [`ProveError::Degenerate`] for a challenge of zero.
    pub fn attempt(&self, witness: &Witness, strategy: Strategy, tamper: &Tamper) -> Result<Attempt, ProveError> {
        let shape = &self.sample.shape;
        let rows = self.rows(witness);
        let bases = RowBases::new(shape, self.start_committed());
        let mut entropy = Repeatable(Draw(1));
        let mut blinds = self.point_rows.blinds.to_vec();
        let context: [&[u8]; 1] = [b"rows"];
        blinds.extend(BlindSource::new(&mut entropy, &context)?.draw_many(rows.len() - shape.points));
        let commitments = self.commit(&rows, &blinds);
        let encode = |range: std::ops::Range<usize>| commitments[range].iter().map(group::encode).collect();
        let mut statement = self.statement.clone();
        if let (Some(start), Start::Committed { rows, .. }) = (bases.start, &mut statement.start) {
            *rows = encode(start..bases.end);
        }
        statement.end = encode(bases.end..bases.cells);
        let digest = statement.digest();
        let blind_source = BlindSource::new(&mut entropy, &[&digest])?;
        let writer = ProofWriter::new(Sender::new(PROTOCOL, &digest), &self.generators, blind_source);
        let mut tap = Tap::new(writer, tamper);
        let (cells, start_bits) = commitments[bases.cells..].split_at(bases.total - bases.cells);
        cells.iter().for_each(|row| tap.inner.sender.send_point("cells.row", row));
        start_bits.iter().for_each(|row| tap.inner.sender.send_point("start.row", row));
        plain::prove(&mut tap, shape, witness, self.start_committed(), strategy);
        if let Some(layout) = self.start_layout() {
            let bits = witness.proven_start_bits.as_ref().unwrap_or(&witness.start_bits);
            start::prove_plain(&mut tap, &layout, bits);
        }
        let events = tap.events.clone();
        let (body, opened) = self.finish(tap, witness, &rows, &blinds)?;
        Ok(Attempt { statement, proof: Proof { statement: digest, body }, events, opened })
    }

    /// The shipped prover on a packed witness, true or not: commits weights, then proves. Returns the statement with the rows.
    ///
    /// # Errors
    /// [`ProveError`] if it refuses.
    pub fn prove(&self, packed: &Packed) -> Result<(Statement, Proof), ProveError> {
        let shape = &self.sample.shape;
        let trace = self.trace(packed);
        let commit = |weights| commit_weights(&self.generators, shape, weights, &mut OsEntropy);
        let (start, end) = (commit(&trace.start)?, commit(&trace.end)?);
        let mut statement = self.statement.clone();
        if let Start::Committed { rows, .. } = &mut statement.start {
            rows.clone_from(&start.rows);
        }
        statement.end.clone_from(&end.rows);
        let input = ProverInput {
            features: &packed.features,
            labels: &packed.labels,
            point_blinds: &self.point_rows.blinds,
            trace: &trace,
            start_blinds: if self.start_committed() { &start.blinds } else { &[] },
            end_blinds: &end.blinds,
        };
        let proof = prove(&statement, input, &self.source, &mut |_| ())?;
        Ok((statement, proof))
    }

    fn trace(&self, packed: &Packed) -> Trace {
        let shape = &self.sample.shape;
        let layer = |(slot, bytes): (usize, &Vec<u8>)| LayerCells {
            kind: if shape.is_output(slot) { CellKind::Output } else { CellKind::Hidden },
            width: shape.outputs(slot),
            batch: shape.batch,
            stride: shape.stride(slot),
            bytes: bytes.clone(),
        };
        let weights = |slots: &[Vec<i64>]| {
            let mut weights = Weights::zeros(&self.statement.algorithm().widths);
            weights.layers.iter_mut().zip(slots).for_each(|(layer, values)| layer.values.clone_from(values));
            weights
        };
        Trace {
            first_step: self.statement.first_step,
            steps: shape.steps(),
            batch: shape.batch,
            layers: packed.cells.iter().enumerate().map(layer).collect(),
            start: weights(&packed.start),
            end: weights(&packed.end),
            metrics: Vec::new(),
        }
    }

    /// The shipped prover's end of a proof: opening, products, knowledge, inner product; and whether this holds.
    fn finish(
        &self,
        mut tap: Tap<'_, ProofWriter<'_>>,
        witness: &Witness,
        rows: &[Vec<Scalar>],
        blinds: &[Scalar],
    ) -> Result<(Vec<u8>, bool), ProveError> {
        let Claims(obligations) = self.claims(&tap.events, witness).map_err(|_| ProveError::Degenerate)?;
        let values: Vec<RowValues<'_>> = rows.iter().map(|row| RowValues::Scalars(row)).collect();
        let columns = self.sample.shape.columns;
        let (reduced, vector) = opening::prove(&mut tap, columns, &obligations.queries, &values)?;
        let opened = evaluate(&vector, &reduced.point) == reduced.value.value;
        let Tap { inner: mut writer, .. } = tap;
        sigma::prove_products(&mut writer, &obligations.products);
        sigma::prove_knowledge(&mut writer);
        let inner =
            ipa::Witness { vector: vector.into(), blind: dot(&reduced.row_weights, blinds), value: reduced.value };
        ipa::prove(&mut writer, &self.generators.columns, inner, &reduced.point)?;
        Ok((writer.sender.finish(), opened))
    }

    fn commit(&self, rows: &[Vec<Scalar>], blinds: &[Scalar]) -> Vec<Affine> {
        let zero = Scalar::ZERO;
        let commit = |(row, blind): (&Vec<Scalar>, &Scalar)| {
            let mut sum = self.generators.commit(&zero, blind);
            let (mut bases, mut scalars) = (Vec::new(), Vec::new());
            for (x, g) in row.iter().zip(&self.generators.columns).filter(|(x, _)| **x != zero) {
                if *x == Scalar::ONE {
                    sum += g;
                } else {
                    bases.push(*g);
                    scalars.push(*x);
                }
            }
            if bases.is_empty() { sum } else { sum + msm(&bases, &scalars) }
        };
        group::normalize(&rows.iter().zip(blinds).map(commit).collect::<Vec<_>>())
    }

    /// What a verifier that knows the openings is left with.
    ///
    /// # Errors
    /// [`ReadError`] if the messages are not those of the protocol.
    pub fn claims(&self, events: &[Event], witness: &Witness) -> Result<Claims, ReadError> {
        let layout = self.start_layout();
        Claims::new(events, &self.sample.shape, self.public_start(witness).as_deref(), layout.as_ref())
    }

    /// Names of the hidden claims that do not hold, in order.
    ///
    /// # Errors
    /// As [`Self::claims`].
    pub fn failing(&self, attempt: &Attempt, witness: &Witness) -> Result<Vec<&'static str>, ReadError> {
        let rows = self.rows(witness);
        Ok(self.claims(&attempt.events, witness)?.failing(&rows))
    }

    /// The shipped verifier's verdict.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, attempt: &Attempt) -> Result<Verified, VerifyError> {
        self.verify_proof(&attempt.statement, &attempt.proof)
    }

    /// The same of any proof.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_proof(&self, statement: &Statement, proof: &Proof) -> Result<Verified, VerifyError> {
        verify(statement, &self.points, proof, &Limits::default(), &self.source)
    }
}

/// Random start weights with the biases that put the first example's cells where they are wanted.
fn planted(draw: &mut Draw, sample: &Sample) -> Vec<Matrix> {
    let shape = &sample.shape;
    let f = shape.format;
    let bound = 1 << (f.r - 1);
    let mut weights: Vec<Matrix> = Vec::new();
    for slot in 0..shape.layers() {
        let row = |draw: &mut Draw| (0..shape.outputs(slot)).map(|_| draw.between(-bound, bound)).collect();
        weights.push((0..=shape.widths[slot]).map(|_| row(draw)).collect());
    }
    let first = &sample.features[shape.schedule[0][0] as usize];
    let half = 1i128 << (f.r - 1);
    for (j, z) in [3 * half, 0, -half, 10 * half, -10 * half].into_iter().enumerate().take(shape.outputs(0)) {
        let mut sum = 0;
        for (x, row) in first.iter().zip(&mut weights[0]) {
            row[j] = (row[j] >> f.f_x) << f.f_x;
            sum += (x << (f.f_a - f.f_x)) * row[j];
        }
        weights[0][shape.widths[0]][j] = (z - sum) >> f.f_a;
    }
    weights
}

/// The start weights of the public seed.
fn seeded(statement: &Statement) -> Vec<Matrix> {
    let weights = initial_weights(&statement.algorithm(), &statement.data.root, &statement.nonce);
    let widths = statement.algorithm().widths;
    let matrix = |(values, width): (&Vec<i64>, &u32)| {
        values.chunks(*width as usize).map(|row| row.iter().map(|w| i128::from(*w)).collect()).collect()
    };
    weights.layers.iter().map(|layer| &layer.values).zip(&widths[1..]).map(matrix).collect()
}

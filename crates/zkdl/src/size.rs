//! How long a proof will be, before there is one.
//!
//! Length and order of messages follow from the statement. They are counted where they are read: the shipped verifiers of all
//! arguments run over a channel that answers every message with nothing and counts it.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "sums of counts of messages and rows: a validated shape has at most 2^52 of them, a data set fewer"
)]

use crate::data_proof::{self, DataProof};
use crate::error::VerifyError;
use crate::proof::Proof;
use crate::statement::{Limits, Statement};
use crate::training::start_layout;
use zkdl_arguments::opening;
use zkdl_arguments::ranges;
use zkdl_arguments::rows::cell_row_count;
use zkdl_arguments::selection::RowBases;
use zkdl_arguments::start_ranges;
use zkdl_arguments::update::Start;
use zkdl_arguments::window::{self, Obligations};
use zkdl_commit::channel::VerifierChannel;
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_commit::{ipa, sigma};
use zkdl_dataset::Descriptor;
use zkdl_field::group::POINT_BYTES;
use zkdl_field::{Field, Scalar};
use zkdl_transcript::ReadError;

/// The claim about W_0, which only windows that start from committed weights have.
const START: &str = "W_0";

/// Counts messages. Challenges differ, so that nothing that is divided by is zero.
#[derive(Default)]
struct Count {
    messages: usize,
    drawn: u64,
}

impl VerifierChannel for Count {
    type Value = Opening;

    fn receive(&mut self, _: &'static str) -> Result<Opening, ReadError> {
        self.messages += 1;
        Ok(Opening::public(Scalar::ZERO))
    }

    fn challenge(&mut self, _: &'static str) -> Scalar {
        self.drawn += 1;
        Scalar::from(u64::MAX - self.drawn).square()
    }
}

/// Bytes of the proof file of a window. The statement needs no rows, and the order of the data is not drawn.
///
/// Cost: the verifier's public sums, without a point.
///
/// # Errors
/// [`VerifyError::Statement`] for a statement that is refused.
pub fn proof_bytes(statement: &Statement, limits: &Limits) -> Result<usize, VerifyError> {
    let shape = statement.sizes(limits)?;
    let bases = RowBases::new(&shape, true);
    let mut count = Count::default();
    let mut all = window::verify(&mut count, &shape, &bases, Start::Committed)?;
    if !statement.start.is_committed() {
        let before = all.queries.len();
        all.queries.retain(|query| query.name != START);
        count.messages -= before - all.queries.len();
    }
    let mut sent = cell_row_count(&shape);
    if let Some(layout) = start_layout(statement, &shape) {
        all.extend(start_ranges::verify(&mut count, &layout)?);
        sent += layout.rows();
    }
    let body = sent + discharged(count, shape.columns, &all, bases.cells + sent)?;
    Ok(Proof { statement: [0; 32], body: Vec::new() }.encode().len() + POINT_BYTES * body)
}

/// Bytes of the file of a data proof.
///
/// # Errors
/// As [`proof_bytes`].
pub fn data_proof_bytes(data: &Descriptor, log_columns: u32, limits: &Limits) -> Result<usize, VerifyError> {
    let layout = data_proof::layout(data, log_columns, limits)?;
    let mut count = Count::default();
    let all = ranges::verify(&mut count, &layout)?;
    let sent = layout.packing().rows();
    let body = sent + discharged(count, 1 << log_columns, &all, data.points as usize + sent)?;
    Ok(DataProof { statement: [0; 32], log_columns, body: Vec::new() }.encode().len() + POINT_BYTES * body)
}

/// All messages of arguments about `rows` rows that leave these obligations.
fn discharged(mut count: Count, columns: usize, all: &Obligations<Opening>, rows: usize) -> Result<usize, VerifyError> {
    opening::verify(&mut count, columns, &all.queries, rows)?;
    Ok(count.messages
        + sigma::PRODUCT_MESSAGES * all.products.len()
        + sigma::KNOWLEDGE_MESSAGES
        + ipa::messages(columns))
}

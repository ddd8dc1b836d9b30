//! Cheating provers, plain twins of the fast provers, and a harness that knows the openings. A tool for tests only.
//!
//! Committed rounds are correct by derivation, so the error of a verifier says little about what is false. A cheat is
//! therefore judged three times: by [`relation`], which names the violated equation of training; by [`harness`], which sees
//! every hidden value and names the first claim that does not hold; and by the real verifier on real bytes, [`case`].
//!
//! | module | what |
//! |---|---|
//! | [`sample`] | statements with integer weights and data: random ones, and the one of the test vectors |
//! | [`trainer`] | naive integer training; every step is a hook that a cheat may replace |
//! | [`witness`] | what a prover computes with, in the field, and what it commits to |
//! | [`relation`] | the equations of training, checked one by one |
//! | [`tensor`] | sparse tensors and their dense tables |
//! | [`plain`], [`plain_relu`] | the provers on dense tables by naive sums: twin of the fast ones, and prover of cheats |
//! | [`harness`] | channels with programmed challenges; the first hidden claim that does not hold |
//! | [`fast`] | the shipped provers in a row, over any channel |
//! | [`case`] | real statements, and real proofs of cheating witnesses |
//! | [`data`] | the same for proofs of a data set |
//! | [`near`] | the same for answers about near-duplicates |
//! | [`start`] | bits of start weights that a run was given |
//! | [`audit`] | thousands of questions about data sets, honest and forged answers, and how many were judged wrongly |
//!
//! Position: beside the proof's crates; nothing depends on it.

pub mod audit;
pub mod case;
pub mod data;
pub mod fast;
pub mod harness;
pub mod near;
pub mod plain;
pub mod plain_relu;
pub mod relation;
pub mod sample;
pub mod start;
pub mod tensor;
pub mod trainer;
pub mod witness;

//! Sigma protocols on scalar commitments.
//!
//! **Product** of hidden values, `z = x y` (X, Y, Z their commitments; Maurer 2009, section 5):
//!
//! ```text
//! P: T1 = k_y g + k_b H,  T2 = k_y X + k_c H          for every product
//! V: e                                                 one for all
//! P: s_y = k_y + e y,  s_b = k_b + e r_y,  s_c = k_c + e (r_z - y r_x)
//! V: s_y g + s_b H = T1 + e Y,   s_y X + s_c H = T2 + e Z
//! ```
//!
//! **Knowledge** of the openings of all scalar commitments sent, `C_i = x_i g + r_i H`:
//!
//! ```text
//! V: delta
//! P: T = a g + b H
//! V: e
//! P: s_x = a + e sum delta^i x_i,  s_r = b + e sum delta^i r_i
//! V: s_x g + s_r H = T + e sum delta^i C_i
//! ```
//!
//! Both are complete, special sound (two challenges; Knowledge: n values of delta as well) and perfectly
//! honest-verifier zero-knowledge: draw responses and challenge, solve for the first messages.

use crate::channel::{Check, Equation, ProofReader, ProofWriter, ProverChannel, VerifierChannel};
use crate::pedersen::{Commitment, Hidden, Opening};
use zkdl_field::{Field, Scalar};
use zkdl_transcript::{ReadError, size_bytes};

/// The claim that hidden `z` is hidden `x` times hidden `y`.
#[derive(Debug, Clone)]
pub struct Product<H> {
    /// Name of the relation, for errors.
    pub name: &'static str,
    /// First factor.
    pub x: H,
    /// Second factor.
    pub y: H,
    /// The product.
    pub z: H,
}

/// Messages of a product.
pub const PRODUCT_MESSAGES: usize = 5;
/// Messages of the proof of knowledge.
pub const KNOWLEDGE_MESSAGES: usize = 3;

/// Proves all products under one challenge.
pub fn prove_products(channel: &mut ProofWriter<'_>, products: &[Product<Opening>]) {
    channel.sender.absorb("products", &size_bytes(products.len()));
    let masks: Vec<[Scalar; 3]> = products.iter().map(|p| product_masks(channel, p)).collect();
    let e = channel.challenge("product.e");
    for (p, [k_y, k_b, k_c]) in products.iter().zip(masks) {
        channel.sender.send_scalar("product.s_y", &(k_y + e * p.y.value));
        channel.sender.send_scalar("product.s_b", &(k_b + e * p.y.blind));
        channel.sender.send_scalar("product.s_c", &(k_c + e * (p.z.blind - p.y.value * p.x.blind)));
    }
}

fn product_masks(channel: &mut ProofWriter<'_>, p: &Product<Opening>) -> [Scalar; 3] {
    let [k_y, k_b, k_c] = std::array::from_fn(|_| channel.blinds.draw());
    channel.send_commitment("product.T1", &k_y, &k_b);
    channel.send_commitment("product.T2", &(k_y * p.x.value), &(k_y * p.x.blind + k_c));
    [k_y, k_b, k_c]
}

/// Reads the proof of all products; its equations join those of `channel`.
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify_products(channel: &mut ProofReader<'_>, products: &[Product<Commitment>]) -> Result<(), ReadError> {
    channel.receiver.absorb("products", &size_bytes(products.len()));
    let mut firsts = Vec::with_capacity(products.len());
    for _ in products {
        firsts.push((channel.receive_point("product.T1")?, channel.receive_point("product.T2")?));
    }
    let e = channel.challenge("product.e");
    for (p, (t1, t2)) in products.iter().zip(firsts) {
        let s_y = channel.receiver.receive_scalar("product.s_y")?;
        let s_b = channel.receiver.receive_scalar("product.s_b")?;
        let s_c = channel.receiver.receive_scalar("product.s_c")?;
        let check = Check::Product(p.name);
        let first = Commitment::public(s_y) - t1 - p.y.clone() * e;
        let second = p.x.clone() * s_y - t2 - p.z.clone() * e;
        channel.equations.push(Equation::new(check, first, s_b));
        channel.equations.push(Equation::new(check, second, s_c));
    }
    Ok(())
}

/// Proves knowledge of the openings of every scalar commitment sent so far.
pub fn prove_knowledge(channel: &mut ProofWriter<'_>) {
    channel.sender.absorb("knowledge", &size_bytes(channel.sent.len()));
    let delta = channel.challenge("knowledge.delta");
    let sum = channel.sent.iter().rev().fold(Opening::default(), |sum, x| sum * delta + x.clone());
    let mask = Opening { value: channel.blinds.draw(), blind: channel.blinds.draw() };
    channel.send_commitment("knowledge.T", &mask.value, &mask.blind);
    let e = channel.challenge("knowledge.e");
    let response = mask.clone() + sum * e;
    channel.sender.send_scalar("knowledge.s_x", &response.value);
    channel.sender.send_scalar("knowledge.s_r", &response.blind);
}

/// Reads the proof of knowledge; its equation joins those of `channel`.
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify_knowledge(channel: &mut ProofReader<'_>) -> Result<(), ReadError> {
    channel.receiver.absorb("knowledge", &size_bytes(channel.received.len()));
    let delta = channel.challenge("knowledge.delta");
    let t = channel.receive_point("knowledge.T")?;
    let e = channel.challenge("knowledge.e");
    let s_x = channel.receiver.receive_scalar("knowledge.s_x")?;
    let s_r = channel.receiver.receive_scalar("knowledge.s_r")?;
    let mut sum = Commitment::default();
    let mut power = Scalar::ONE;
    for index in &channel.received {
        sum.terms.push((*index, power));
        power *= delta;
    }
    let form = Commitment::public(s_x) - t - sum * e;
    channel.equations.push(Equation::new(Check::Knowledge, form, s_r));
    Ok(())
}

//! All arguments about one window of steps, in order: what is left are products and queries.
//!
//! Every committed row is absorbed before the first challenge here. See the files of the arguments for their messages.

use crate::progress::Argument;
use crate::relu::{Inputs, Points};
use crate::selection::{Query, RowBases, queries};
use crate::update::Start;
use crate::{Shape, Tensors, Witness, backward, forward, relu, update};
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_commit::sigma::Product;
use zkdl_transcript::ReadError;

/// What has to hold for the window to be honest.
#[derive(Debug, Clone)]
pub struct Obligations<H> {
    /// Products of hidden values.
    pub products: Vec<Product<H>>,
    /// Claims about committed rows.
    pub queries: Vec<Query<H>>,
}

impl<H> Obligations<H> {
    /// Adds what another argument leaves.
    pub fn extend(&mut self, more: Self) {
        self.products.extend(more.products);
        self.queries.extend(more.queries);
    }
}

/// Proves everything about the window but products and queries; `progress` hears of every argument when it begins.
pub fn prove<P: ProverChannel>(
    channel: &mut P,
    shape: &Shape,
    bases: &RowBases,
    witness: &Witness<'_>,
    start: Start<'_>,
    progress: &mut dyn FnMut(Argument),
) -> Obligations<Opening> {
    progress(Argument::Forward);
    let tensors = Tensors::new(shape, witness);
    let (f, forward, forward_work) = forward::prove(channel, shape, witness, &tensors);
    progress(Argument::Backward);
    let (b, backward, backward_work) = backward::prove(channel, shape, witness, &tensors, &f);
    let points = update::Points { forward: &f, backward: &b };
    let weights = update::Weights { w_1: &forward.w_1, w_2: &backward.w_2, start };
    let work = (&forward_work, &backward_work);
    progress(Argument::Update);
    let (u, update) = update::prove(channel, shape, witness, &tensors, points, weights, work);
    let at = Points { forward: &f, backward: &b, update: &u };
    let inputs = Inputs { forward: &forward, backward: &backward, update: &update };
    let relu = relu::prove(channel, shape, witness, at, inputs, progress);
    obligations(shape, bases, at, inputs, relu)
}

/// Verifies everything about the window but products and queries.
///
/// # Errors
/// [`ReadError`] if messages are missing or malformed.
pub fn verify<V: VerifierChannel>(
    channel: &mut V,
    shape: &Shape,
    bases: &RowBases,
    start: Start<'_>,
) -> Result<Obligations<V::Value>, ReadError> {
    let (f, forward) = forward::verify(channel, shape)?;
    let (b, backward) = backward::verify(channel, shape, &f)?;
    let points = update::Points { forward: &f, backward: &b };
    let weights = update::Weights { w_1: &forward.w_1, w_2: &backward.w_2, start };
    let (u, update) = update::verify(channel, shape, points, weights)?;
    let at = Points { forward: &f, backward: &b, update: &u };
    let inputs = Inputs { forward: &forward, backward: &backward, update: &update };
    let relu = relu::verify(channel, shape, at, inputs)?;
    Ok(obligations(shape, bases, at, inputs, relu))
}

fn obligations<H: Hidden>(
    shape: &Shape,
    bases: &RowBases,
    at: Points<'_>,
    inputs: Inputs<'_, H>,
    relu: relu::Claims<H>,
) -> Obligations<H> {
    let products = [&inputs.forward.product, &inputs.backward.product, &inputs.update.product];
    let products = products.into_iter().cloned().chain(relu.products).collect();
    Obligations { products, queries: queries(shape, bases, at, inputs, relu.bits) }
}

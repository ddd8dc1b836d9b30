//! The shipped provers in a row, over any channel.

use crate::witness::Packed;
use zkdl_arguments::selection::{self, Query, RowBases};
use zkdl_arguments::{Shape, Tensors, backward, forward, relu, update};
use zkdl_commit::channel::ProverChannel;
use zkdl_commit::pedersen::Opening;
use zkdl_commit::sigma::Product;

/// All points and claims of a proof.
pub struct Proven {
    /// Points.
    pub forward: forward::Point,
    /// Points.
    pub backward: backward::Point,
    /// Points.
    pub update: update::Point,
    /// Claims.
    pub forward_claims: forward::Claims<Opening>,
    /// Claims.
    pub backward_claims: backward::Claims<Opening>,
    /// Claims.
    pub update_claims: update::Claims<Opening>,
    /// Cell point and what is claimed of the bits.
    pub bits: relu::BitClaim<Opening>,
    /// forward, backward, update, relu mask, booleanity.
    pub products: Vec<Product<Opening>>,
    /// Claims about committed rows.
    pub queries: Vec<Query<Opening>>,
}

/// Runs forward, backward, update, zkReLU and selection.
pub fn prove<C: ProverChannel>(channel: &mut C, shape: &Shape, packed: &Packed, start_committed: bool) -> Proven {
    let witness = packed.witness();
    let tensors = Tensors::new(shape, &witness);
    let start = if start_committed { update::Start::Committed } else { update::Start::Public(&witness.start) };
    let (f, forward, forward_work) = forward::prove(channel, shape, &witness, &tensors);
    let (b, backward, backward_work) = backward::prove(channel, shape, &witness, &tensors, &f);
    let at = update::Points { forward: &f, backward: &b };
    let weights = update::Weights { w_1: &forward.w_1, w_2: &backward.w_2, start };
    let (u, update) = update::prove(channel, shape, &witness, &tensors, at, weights, (&forward_work, &backward_work));
    let points = relu::Points { forward: &f, backward: &b, update: &u };
    let inputs = relu::Inputs { forward: &forward, backward: &backward, update: &update };
    let relu = relu::prove(channel, shape, &witness, points, inputs, &mut |_| {});
    let bases = RowBases::new(shape, start_committed);
    let queries = selection::queries(shape, &bases, points, inputs, relu.bits.clone());
    let [mask, boolean] = relu.products;
    let products = vec![forward.product.clone(), backward.product.clone(), update.product.clone(), mask, boolean];
    Proven {
        forward: f,
        backward: b,
        update: u,
        forward_claims: forward,
        backward_claims: backward,
        update_claims: update,
        bits: relu.bits,
        products,
        queries,
    }
}

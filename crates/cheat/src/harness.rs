//! Channels with programmed challenges, and the first hidden claim that does not hold.
//!
//! [`Tap`] records what a prover says, and may change it; [`Replay`] is a verifier's channel that sees the openings. The
//! shipped verifiers run on it unchanged and return the obligations that a real verifier only sees as commitments.

use crate::sample::Sample;
use crate::witness::{Witness, flatten};
use sha2::{Digest, Sha256};
use zkdl_arguments::opening::{RowValues, holds};
use zkdl_arguments::selection::RowBases;
use zkdl_arguments::update::Start;
use zkdl_arguments::window::{self, Obligations};
use zkdl_arguments::{Shape, start_ranges};
use zkdl_commit::channel::{ProverChannel, VerifierChannel};
use zkdl_commit::pedersen::{Hidden, Opening};
use zkdl_field::{Scalar, scalar};
use zkdl_transcript::ReadError;

/// The counter challenges of the test vectors: number i does not depend on the messages.
#[derive(Debug, Clone)]
pub struct Counter {
    seed: u64,
    drawn: u64,
}

impl Counter {
    /// Challenges of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }
}

impl ProverChannel for Counter {
    fn hide(&mut self, _: &'static str, value: Scalar) -> Opening {
        Opening::public(value)
    }

    fn challenge(&mut self, _: &'static str) -> Scalar {
        let message = [b"protocol_model".as_slice(), &self.seed.to_be_bytes(), &self.drawn.to_be_bytes()].concat();
        self.drawn += 1;
        let mut wide = [0u8; 64];
        for (i, half) in wide.chunks_exact_mut(32).enumerate() {
            half.copy_from_slice(&Sha256::new().chain_update(&message).chain_update([i as u8]).finalize());
        }
        wide.reverse();
        scalar::from_wide(&wide)
    }
}

/// What went over a channel.
#[derive(Debug, Clone)]
pub enum Event {
    /// A hidden value.
    Value(&'static str, Opening),
    /// A challenge.
    Challenge(&'static str, Scalar),
}

/// Everything said, as numbers.
#[must_use]
pub fn said(events: &[Event]) -> Vec<(&'static str, Scalar)> {
    let one = |event: &Event| match event {
        Event::Value(label, opening) => (*label, opening.value),
        Event::Challenge(label, x) => (*label, *x),
    };
    events.iter().map(one).collect()
}

/// Changes a message: gets the events so far, the label, how many messages of that label came before, and the value.
pub type Tamper = Box<dyn Fn(&[Event], &str, usize, Scalar) -> Scalar>;

/// Leaves messages as they are.
#[must_use]
pub fn untouched() -> Tamper {
    Box::new(|_, _, _, x| x)
}

/// Records what goes over another channel and tampers with messages.
pub struct Tap<'a, C> {
    /// The channel behind it.
    pub inner: C,
    /// Everything so far.
    pub events: Vec<Event>,
    tamper: &'a Tamper,
}

impl<'a, C> Tap<'a, C> {
    /// A tap on a channel.
    #[must_use]
    pub fn new(inner: C, tamper: &'a Tamper) -> Self {
        Self { inner, events: Vec::new(), tamper }
    }
}

impl<C: ProverChannel> ProverChannel for Tap<'_, C> {
    fn hide(&mut self, label: &'static str, value: Scalar) -> Opening {
        let before = self.events.iter().filter(|e| matches!(e, Event::Value(l, _) if *l == label)).count();
        let opening = self.inner.hide(label, (self.tamper)(&self.events, label, before, value));
        self.events.push(Event::Value(label, opening.clone()));
        opening
    }

    fn challenge(&mut self, label: &'static str) -> Scalar {
        let x = self.inner.challenge(label);
        self.events.push(Event::Challenge(label, x));
        x
    }
}

/// A verifier's channel over recorded events that sees the openings.
pub struct Replay<'a> {
    events: std::slice::Iter<'a, Event>,
    /// The first label that was asked for and did not come.
    pub mismatch: Option<&'static str>,
}

impl<'a> Replay<'a> {
    /// Replays from the start.
    #[must_use]
    pub fn new(events: &'a [Event]) -> Self {
        Self { events: events.iter(), mismatch: None }
    }

    /// Whether every event was asked for, in order.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.mismatch.is_none() && self.events.len() == 0
    }
}

impl VerifierChannel for Replay<'_> {
    type Value = Opening;

    fn receive(&mut self, label: &'static str) -> Result<Opening, ReadError> {
        match self.events.next() {
            Some(Event::Value(sent, opening)) if *sent == label => Ok(opening.clone()),
            _ => {
                self.mismatch = self.mismatch.or(Some(label));
                Err(ReadError::Truncated { offset: 0, label })
            }
        }
    }

    fn challenge(&mut self, label: &'static str) -> Scalar {
        match self.events.next() {
            Some(Event::Challenge(drawn, x)) if *drawn == label => *x,
            _ => {
                self.mismatch = self.mismatch.or(Some(label));
                Scalar::default()
            }
        }
    }
}

/// The statement's start weights by slot.
#[must_use]
pub fn public_start(sample: &Sample, witness: &Witness) -> Vec<Vec<i64>> {
    flatten(&sample.shape, &witness.committed_start)
}

/// Everything a verifier is left with before the opening, with the openings.
pub struct Claims(pub Obligations<Opening>);

impl Claims {
    /// What the shipped verifiers conclude from what a prover said; `start` are the start weights, if they are public, `bits`
    /// says where the bits of named ones lie.
    ///
    /// # Errors
    /// [`ReadError`] if it is not what they expect, to the last event.
    pub fn new(
        events: &[Event],
        shape: &Shape,
        start: Option<&[Vec<i64>]>,
        bits: Option<&start_ranges::Layout>,
    ) -> Result<Self, ReadError> {
        let slices: Vec<&[i64]> = start.unwrap_or_default().iter().map(Vec::as_slice).collect();
        let values = if start.is_some() { Start::Public(&slices) } else { Start::Committed };
        let mut replay = Replay::new(events);
        let mut obligations = window::verify(&mut replay, shape, &RowBases::new(shape, start.is_none()), values)?;
        if let Some(layout) = bits {
            obligations.extend(start_ranges::verify(&mut replay, layout)?);
        }
        if !replay.is_complete() {
            return Err(ReadError::Trailing { bytes: replay.events.len() });
        }
        Ok(Self(obligations))
    }

    /// Names of all claims that do not hold of the committed rows, in the order of the protocol.
    #[must_use]
    pub fn failing(&self, rows: &[Vec<Scalar>]) -> Vec<&'static str> {
        let values: Vec<RowValues<'_>> = rows.iter().map(|row| RowValues::Scalars(row)).collect();
        let products = self.0.products.iter().filter(|p| p.x.value * p.y.value != p.z.value).map(|p| p.name);
        let queries = self.0.queries.iter().filter(|q| !holds(q, &values)).map(|q| q.name);
        products.chain(queries).collect()
    }
}

//! Pedersen commitments to scalars, and the linear algebra that both sides do on hidden values.
//!
//! `Com(x; s) = x g + s H`. The prover holds an [`Opening`] `(x, s)`, the verifier a [`Commitment`]. Whatever is linear in
//! hidden values is written once, over [`Hidden`], and run by both.

use std::ops::{Add, Mul, Sub};
use zeroize::Zeroize;
use zkdl_field::{Field, Scalar};

/// A hidden value as one side sees it: closed under addition and under multiplication with public scalars.
pub trait Hidden: Clone + Add<Output = Self> + Sub<Output = Self> + Mul<Scalar, Output = Self> {
    /// A public value, "hidden" with blind 0.
    fn public(x: Scalar) -> Self;

    /// `sum_i coefficient_i value_i`.
    #[expect(clippy::arithmetic_side_effects, reason = "hidden values are linear forms over a field: no overflow")]
    fn combine<'a>(terms: impl IntoIterator<Item = (Scalar, &'a Self)>) -> Self
    where
        Self: 'a,
    {
        terms.into_iter().fold(Self::public(Scalar::ZERO), |sum, (c, x)| sum + x.clone() * c)
    }
}

/// The prover's side of a hidden value: value and blind. Erased from memory when dropped.
#[derive(Clone, Default)]
pub struct Opening {
    /// The value.
    pub value: Scalar,
    /// The blind.
    pub blind: Scalar,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opening(hidden)")
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.value.zeroize();
        self.blind.zeroize();
    }
}

impl Add for Opening {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, blind: self.blind + other.blind }
    }
}

impl Sub for Opening {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { value: self.value - other.value, blind: self.blind - other.blind }
    }
}

impl Mul<Scalar> for Opening {
    type Output = Self;
    fn mul(self, x: Scalar) -> Self {
        Self { value: self.value * x, blind: self.blind * x }
    }
}

impl Hidden for Opening {
    fn public(x: Scalar) -> Self {
        Self { value: x, blind: Scalar::ZERO }
    }
}

/// The verifier's side of a hidden value: a linear form over the points it knows, plus a public multiple of `g`.
///
/// No point is touched until all checks are summed into one multi-scalar multiplication, so algebra on commitments costs
/// field operations only. A point may appear in several terms.
#[derive(Debug, Clone, Default)]
pub struct Commitment {
    /// Index into the verifier's list of points, coefficient.
    pub terms: Vec<(usize, Scalar)>,
    /// Coefficient of `g`.
    pub constant: Scalar,
}

impl Commitment {
    /// The point with this index in the verifier's list.
    #[must_use]
    pub fn point(index: usize) -> Self {
        Self { terms: vec![(index, Scalar::ONE)], constant: Scalar::ZERO }
    }
}

impl Add for Commitment {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self.constant += other.constant;
        self
    }
}

impl Sub for Commitment {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + other * -Scalar::ONE
    }
}

impl Mul<Scalar> for Commitment {
    type Output = Self;
    fn mul(mut self, x: Scalar) -> Self {
        for (_, c) in &mut self.terms {
            *c *= x;
        }
        self.constant *= x;
        self
    }
}

impl Hidden for Commitment {
    fn public(x: Scalar) -> Self {
        Self { terms: Vec::new(), constant: x }
    }
}

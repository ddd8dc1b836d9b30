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

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(x: u64) -> Scalar {
        Scalar::from(x)
    }

    /// What a form over two points opens to, whose openings are (3, 5) and (7, 11).
    fn opened(x: &Commitment) -> Opening {
        let of = |numbers: [u64; 2]| x.terms.iter().map(|(i, c)| *c * scalar(numbers[*i])).sum::<Scalar>();
        Opening { value: of([3, 7]) + x.constant, blind: of([5, 11]) }
    }

    /// What both sides compute from hidden values: a sum, a difference, multiples, public values.
    fn formula<H: Hidden>(x: H, y: H) -> [H; 5] {
        let combined = H::combine([(scalar(2), &x), (scalar(13), &y)]);
        [x.clone() + y.clone(), x.clone() - y.clone(), x * scalar(17), H::public(scalar(19)), combined]
    }

    #[test]
    fn both_sides_compute_alike() {
        let opening = |value, blind| Opening { value: scalar(value), blind: scalar(blind) };
        let openings = formula(opening(3, 5), opening(7, 11));
        let commitments = formula(Commitment::point(0), Commitment::point(1));
        let difference = (-scalar(4), -scalar(6));
        let expected = [(10, 16), (0, 0), (51, 85), (19, 0), (97, 153)].map(|(v, b)| (scalar(v), scalar(b)));
        let expected = [expected[0], difference, expected[2], expected[3], expected[4]];
        for (i, (value, blind)) in expected.into_iter().enumerate() {
            let (ours, theirs) = (&openings[i], opened(&commitments[i]));
            assert_eq!((ours.value, ours.blind), (value, blind), "the prover's formula {i}");
            assert_eq!((theirs.value, theirs.blind), (value, blind), "the verifier's formula {i}");
        }
    }
}

//! The messages of a proof as a forger handles them: made up without a witness, or an honest proof's, altered; and then the first
//! messages of its sigma protocols solved for, so that all equations hold under challenges that the forger knows.
//!
//! This is what a simulator does (zero knowledge), and what an attacker could do if Fiat-Shamir left a message out.

use zkdl_commit::channel::{Check, Equation};
use zkdl_commit::msm::msm;
use zkdl_field::generators::Generators;
use zkdl_field::scalar::{decode, encode, random};
use zkdl_field::{Affine, Field, Point, Scalar, group};

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// A commitment.
    Point,
    /// The first message of a sigma protocol: one equation has it with coefficient -1.
    First,
    /// A response.
    Scalar,
}

/// A uniform point.
pub(crate) fn random_point(g: &Generators) -> Affine {
    group::affine(&g.commit(&random().unwrap(), &random().unwrap()))
}

/// Challenges that a simulator programs.
pub(crate) fn script() -> Vec<[u8; 64]> {
    (0..400u32).map(|i| std::array::from_fn(|k| (i.wrapping_mul(2_654_435_761) >> (k % 24)) as u8 ^ k as u8)).collect()
}

/// The messages after the rows and hidden values: sigma protocols of so many products, knowledge, the inner-product argument.
pub(crate) fn layout(values: usize, products: usize, log_columns: usize) -> Vec<Message> {
    use Message::{First, Point, Scalar as S};
    let products = [vec![First; 2 * products], vec![S; 3 * products]].concat();
    let inner_product = [vec![Point; 2 * log_columns], vec![First, S, S]].concat();
    [vec![Point; values], products, vec![First, S, S], inner_product].concat()
}

/// The messages of a proof.
#[derive(Clone)]
pub(crate) struct Messages {
    pub(crate) kinds: Vec<Message>,
    /// A point for every message; of no meaning where it is a scalar.
    pub(crate) points: Vec<Affine>,
    /// A scalar for every message; of no meaning where it is a point.
    pub(crate) scalars: Vec<Scalar>,
}

impl Messages {
    /// Uniform messages.
    pub(crate) fn uniform(kinds: Vec<Message>, g: &Generators) -> Self {
        Self {
            points: kinds.iter().map(|_| random_point(g)).collect(),
            scalars: kinds.iter().map(|_| random().unwrap()).collect(),
            kinds,
        }
    }

    /// Those of a proof; `None` if its messages are of other kinds.
    pub(crate) fn decode(kinds: Vec<Message>, body: &[u8], g: &Generators) -> Option<Self> {
        let (messages, rest) = body.as_chunks::<32>();
        if messages.len() != kinds.len() || !rest.is_empty() {
            return None;
        }
        let mut decoded = Self { points: vec![g.value; kinds.len()], scalars: vec![Scalar::ZERO; kinds.len()], kinds };
        for (i, bytes) in messages.iter().enumerate() {
            match decoded.kinds[i] {
                Message::Scalar => decoded.scalars[i] = decode(bytes)?,
                _ => decoded.points[i] = group::decode(bytes).ok()?,
            }
        }
        Some(decoded)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let one = |i: usize| match self.kinds[i] {
            Message::Scalar => encode(&self.scalars[i]),
            _ => group::encode(&self.points[i]),
        };
        (0..self.kinds.len()).flat_map(one).collect()
    }

    /// Index among the points of a verifier of `messages[i]`, if these are all that it knows.
    fn index(&self, i: usize, points: &[Affine]) -> usize {
        let sent = |kinds: &[Message]| kinds.iter().filter(|kind| **kind != Message::Scalar).count();
        points.len() - sent(&self.kinds) + sent(&self.kinds[..i])
    }

    /// Replaces the first message of every equation by the one that makes it hold.
    pub(crate) fn solve(&mut self, points: &[Affine], equations: &[Equation], g: &Generators) {
        let firsts: Vec<usize> = (0..self.kinds.len()).filter(|i| self.kinds[*i] == Message::First).collect();
        assert_eq!(firsts.len(), equations.len());
        for equation in equations {
            let own = firsts.iter().filter(|i| coefficient(equation, self.index(**i, points)) == -Scalar::ONE);
            let [first] = own.collect::<Vec<_>>()[..] else { panic!("an equation has one first message") };
            let sum = evaluate(equation, points, g) + points[self.index(*first, points)];
            self.points[*first] = group::affine(&sum);
        }
    }

    /// Replaces the last first message, by the one that makes the sum of all equations hold under the weight `settle`.
    pub(crate) fn solve_sum(&mut self, points: &[Affine], equations: &[Equation], settle: Scalar, g: &Generators) {
        let last = self.kinds.iter().rposition(|kind| *kind == Message::First).unwrap();
        let combined = Equation::combine(Check::Opening, equations, settle);
        let index = self.index(last, points);
        let divided = evaluate(&combined, points, g) * coefficient(&combined, index).invert().unwrap();
        self.points[last] = group::affine(&(-divided + points[index]));
    }
}

fn coefficient(equation: &Equation, index: usize) -> Scalar {
    equation.form.terms.iter().filter(|(i, _)| *i == index).map(|(_, c)| *c).sum()
}

/// The point that has to be zero.
pub(crate) fn evaluate(equation: &Equation, points: &[Affine], g: &Generators) -> Point {
    let (mut bases, mut scalars): (Vec<Affine>, Vec<Scalar>) =
        equation.form.terms.iter().map(|(i, c)| (points[*i], *c)).unzip();
    bases.extend([g.value, g.blind]);
    scalars.extend([equation.form.constant, equation.blind]);
    bases.extend(&g.columns[..equation.columns.len()]);
    scalars.extend(&equation.columns);
    msm(&bases, &scalars)
}

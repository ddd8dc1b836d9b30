//! How a cheat is described and judged.

use std::sync::OnceLock;
use zkdl::VerifyError;
use zkdl_cheat::case::{Beginning, Case, Config};
use zkdl_cheat::harness::{Tamper, untouched};
use zkdl_cheat::plain::Strategy;
use zkdl_cheat::relation::{Equation, violated};
use zkdl_cheat::trainer::{Cell, Hooks, centered, honest, train};
use zkdl_cheat::witness::Witness;
use zkdl_field::Scalar;

/// Cells (0,0,0,j): what Z is there.
pub(crate) const TIE: Cell = [0, 0, 0, 0];
pub(crate) const ZERO: Cell = [0, 0, 0, 1];
pub(crate) const NEGATIVE_TIE: Cell = [0, 0, 0, 2];
pub(crate) const POSITIVE: Cell = [0, 0, 0, 3];
pub(crate) const NEGATIVE: Cell = [0, 0, 0, 4];
/// An output cell.
pub(crate) const OUTPUT: Cell = [2, 1, 1, 0];

/// Steps of every base but [`Base::Power`]. The axes of a shape are all of different lengths: three layers, five steps, six
/// examples, four classes; what is exchanged does not fit.
pub(crate) const STEPS: usize = 5;
/// Examples of a step.
pub(crate) const BATCH: usize = 6;
/// Classes, but of [`Base::Square`] and [`Base::Power`].
pub(crate) const CLASSES: usize = 4;

/// Which statement a cheat is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// 5-7-6-4, four neurons a row of hidden cells, so the last row of an example is short.
    Ragged,
    /// The same, several examples and room for one more in a row.
    Roomy,
    /// The same, an example a row, W_0 from the public seed.
    Public,
    /// 5-6-6-6-3: equal inner layers.
    Square,
    /// The first, at step 0 from weights that the run was given.
    Named,
    /// 4-8-4-2, four examples, four steps, eight points: powers of two throughout, where nothing is padded.
    Power,
}

impl Base {
    fn config(self) -> Config {
        let (seed, widths) = match self {
            Self::Square => (38, vec![5, 6, 6, 6, 3]),
            Self::Public => (18, vec![5, 7, 6, CLASSES as u32]),
            Self::Named => (68, vec![5, 7, 6, CLASSES as u32]),
            Self::Power => (25, vec![4, 8, 4, 2]),
            _ => (121, vec![5, 7, 6, CLASSES as u32]),
        };
        let log_columns = match self {
            Self::Roomy => 11,
            Self::Public => 9,
            Self::Ragged | Self::Square | Self::Named | Self::Power => 8,
        };
        let beginning = match self {
            Self::Public => Beginning::Seed,
            Self::Named => Beginning::Named(16),
            _ => Beginning::Later,
        };
        let (batch, steps, points) = if self == Self::Power { (4, 4, 8) } else { (BATCH as u32, STEPS, 11) };
        Config { seed, widths, batch, steps, points, log_columns, beginning }
    }

    pub(crate) fn case(self) -> &'static Case {
        static CASES: [OnceLock<Case>; 6] = [const { OnceLock::new() }; 6];
        CASES[self as usize].get_or_init(|| Case::new(&self.config()).unwrap())
    }
}

/// A cheat and the names it goes by.
pub(crate) struct Cheat {
    pub(crate) name: &'static str,
    pub(crate) base: Base,
    pub(crate) hooks: Hooks,
    pub(crate) tamper: Tamper,
    /// The first violated equation; none if only messages are altered.
    pub(crate) equation: Option<Equation>,
    /// The hidden claims that do not hold when honest code runs on the cheat, each name once, in order.
    pub(crate) honest: &'static [&'static str],
    /// The same when the prover claims what is committed and chooses the last leaves.
    pub(crate) leaves: &'static [&'static str],
}

/// A cheat of the witness. A prover that chooses its leaves well is left with nothing but bits that do not fit.
pub(crate) fn cheat(name: &'static str, equation: Equation, honest: &'static [&'static str], hooks: Hooks) -> Cheat {
    let equation = Some(equation);
    Cheat { name, base: Base::Ragged, hooks, tamper: untouched(), equation, honest, leaves: &["bits"] }
}

pub(crate) fn on(base: Base, cheat: Cheat) -> Cheat {
    Cheat { base, ..cheat }
}

pub(crate) const STRATEGIES: [Strategy; 4] = [Strategy::Honest, Strategy::Leaves, Strategy::Mask, Strategy::Square];

/// The error of a verifier that sees commitments only, from the first claim that does not hold.
fn error(claim: &'static str) -> VerifyError {
    match claim {
        "forward" | "backward" | "update" | "relu mask" | "booleanity" | "start booleanity" => {
            VerifyError::Product { which: claim }
        }
        _ => VerifyError::Opening,
    }
}

/// Names of the hidden claims that do not hold, each once; the real verifier must name the first as far as it can see.
pub(crate) fn failing(case: &Case, witness: &Witness, strategy: Strategy, tamper: &Tamper) -> Vec<&'static str> {
    let attempt = case.attempt(witness, strategy, tamper).unwrap();
    let mut names = case.failing(&attempt, witness).unwrap();
    names.dedup();
    let verdict = case.verify(&attempt);
    match names.first() {
        Some(first) => assert_eq!(verdict, Err(error(first)), "{strategy:?}"),
        None => assert!(verdict.is_ok(), "{strategy:?}: {verdict:?}"),
    }
    names
}

/// Judges every cheat of a table.
pub(crate) fn judge(cheats: Vec<Cheat>) {
    let mut wrong = Vec::new();
    for cheat in cheats {
        let case = cheat.base.case();
        let witness = case.with_start_bits(train(&case.sample, &cheat.hooks).unwrap()).unwrap();
        let violations = violated(&case.sample, &witness);
        let equation = violations.first().copied();
        // Another row may happen to have the same label: the order of the data follows from the commitments' root.
        let same_labels = equation == Some(Equation::Selection) && !violations.contains(&Equation::Label);
        let expected: Vec<_> = cheat.honest.iter().copied().filter(|name| *name != "labels" || !same_labels).collect();
        let [honest, leaves, mask, square] = STRATEGIES.map(|s| failing(case, &witness, s, &cheat.tamper));
        let stopped = if equation.is_some() {
            mask == ["relu mask"] && square == ["booleanity"]
        } else {
            !mask.is_empty() && !square.is_empty()
        };
        if equation != cheat.equation || honest != expected || leaves != cheat.leaves || !stopped {
            wrong.push(format!("{:45} {equation:?} {honest:?} {leaves:?} {mask:?} {square:?}", cheat.name));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn honest_witnesses_pass() {
    for base in [Base::Ragged, Base::Roomy, Base::Public, Base::Square, Base::Named, Base::Power] {
        let case = base.case();
        let witness = case.with_start_bits(honest(&case.sample).unwrap()).unwrap();
        assert_eq!(violated(&case.sample, &witness), Vec::new(), "{base:?}");
        for strategy in STRATEGIES {
            assert_eq!(failing(case, &witness, strategy, &untouched()), Vec::<&str>::new(), "{base:?}, {strategy:?}");
        }
        let large = witness.g.values().filter(|g| centered(g).abs() > 8).count();
        assert!(large > 0, "{base:?} is degenerate");
        let shape = &case.sample.shape;
        for (l, t) in (0..shape.layers()).flat_map(|l| (0..shape.steps()).map(move |t| (l, t))) {
            let moves = |(c, g): (&Cell, &Scalar)| (c[0], c[1]) == (l, t) && centered(g) != 0;
            assert!(witness.g.iter().any(moves), "{base:?}: layer {l} learns nothing at step {t}");
        }
        if base != Base::Public {
            let half = 1 << (case.sample.shape.format.r - 1);
            let z = [TIE, ZERO, NEGATIVE_TIE, POSITIVE, NEGATIVE].map(|cell| centered(&witness.z[&cell]));
            assert_eq!(z, [3 * half, 0, -half, 10 * half, -10 * half], "{base:?}");
        }
    }
}

/// 1 if a condition holds.
pub(crate) fn one_if(condition: bool) -> i128 {
    i128::from(condition)
}

/// 1 if a condition holds.
pub(crate) fn scalar_if(condition: bool) -> Scalar {
    Scalar::from(u64::from(condition))
}

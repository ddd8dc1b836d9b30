//! What somebody can compute who collects the scalars in clear of a thousand proofs about one witness.
//!
//! Every response is `mask + sum of known coefficients times parts of the witness`; the coefficients are products of challenges.
//! Whoever finds a combination of responses in which the masks cancel has an equation about the witness alone. Such a
//! combination is a linear dependence among the columns of a table that has a line for every proof: the constant 1, then known
//! coefficients and responses of this proof and of the one before. If the rank of the table is the number of its columns, there is
//! none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use zkdl_commit::blinds::{BlindSource, Entropy, OsEntropy};
use zkdl_commit::channel::ProofWriter;
use zkdl_commit::endo::Challenge128;
use zkdl_commit::ipa;
use zkdl_commit::pedersen::Opening;
use zkdl_commit::representation::{self, Public};
use zkdl_commit::sigma::{self, Product};
use zkdl_field::generators::Generators;
use zkdl_field::scalar::{decode, dot, encode, from_wide, random};
use zkdl_field::{Field, Scalar, multilinear};
use zkdl_transcript::Sender;
use zkdl_transcript::simulator::{Frame, staged};

/// Every message of every protocol, with what it is.
const INVENTORY: &str = include_str!("../../../spec/messages.tsv");
/// Responses of a proof: product, knowledge, representation, inner products over one and over two columns.
const RESPONSES: usize = 3 + 2 + 3 + 2 + 2;
/// Known coefficients of a proof.
const KNOWN: usize = 1 + 3 + 1 + 2 + 4;

/// A witness and its blinds, the same in all proofs.
struct Secrets {
    /// x, y and their product.
    factors: [Opening; 3],
    /// A committed row.
    row: Vec<Scalar>,
    row_blind: Scalar,
    /// Blind of the row's value.
    value_blind: Scalar,
}

/// What goes in clear in one proof.
#[derive(Clone)]
struct Seen {
    known: [Scalar; KNOWN],
    responses: [Scalar; RESPONSES],
}

impl Secrets {
    fn new() -> Self {
        let draw = || random().unwrap();
        let [x, y] = [draw(), draw()];
        Self {
            factors: [x, y, x * y].map(|value| Opening { value, blind: draw() }),
            row: vec![draw(), draw()],
            row_blind: draw(),
            value_blind: draw(),
        }
    }

    fn prove(&self, mut channel: ProofWriter<'_>) {
        let [x, y, z] = self.factors.clone();
        channel.sent = self.factors.to_vec();
        sigma::prove_products(&mut channel, &[Product { name: "xy", x, y, z }]);
        sigma::prove_knowledge(&mut channel);
        let public = Public { columns: Vec::new(), hidden: 2 };
        representation::prove(&mut channel, &public, &self.row, &self.row_blind);
        for log in [0, 1] {
            let (columns, point) = (1 << log, vec![Scalar::from(3); log]);
            let vector = self.row[..columns].to_vec();
            let value = Opening { value: multilinear::evaluate(&vector, &point), blind: self.value_blind };
            let witness = ipa::Witness { vector: vector.into(), blind: self.row_blind, value };
            let columns = &channel.generators.columns[..columns];
            ipa::prove(&mut channel, columns, witness, &point).unwrap();
        }
    }

    /// What is multiplied with the known coefficients in every response.
    fn parts(&self) -> [[Scalar; KNOWN]; RESPONSES] {
        let [x, y, z] = &self.factors;
        let (row, row_blind, value_blind) = (&self.row, self.row_blind, self.value_blind);
        let parts = [
            vec![(0, y.value)],
            vec![(0, y.blind)],
            vec![(0, z.blind - y.value * x.blind)],
            vec![(1, x.value), (2, y.value), (3, z.value)],
            vec![(1, x.blind), (2, y.blind), (3, z.blind)],
            vec![(4, row[0])],
            vec![(4, row[1])],
            vec![(4, row_blind)],
            vec![(5, row[0])],
            vec![(5, row_blind), (6, value_blind)],
            vec![(7, row[0]), (10, row[1])],
            vec![(7, row_blind), (8, value_blind)],
        ];
        parts.map(|parts| {
            let mut all = [Scalar::ZERO; KNOWN];
            parts.into_iter().for_each(|(i, part)| all[i] = part);
            all
        })
    }

    /// Masks of the responses, as whoever knows the witness finds them. That of the last has the blinds of L and R in it.
    fn masks(&self, seen: &Seen) -> [Scalar; RESPONSES] {
        let parts = self.parts();
        std::array::from_fn(|i| seen.responses[i] - dot(&parts[i], &seen.known))
    }

    /// The same proofs by a prover who chooses masks otherwise: from fresh ones, and from its own masks in the proof before.
    fn remasked(&self, proofs: &[Seen], choose: impl Fn(&mut [Scalar; RESPONSES], &[Scalar; RESPONSES])) -> Vec<Seen> {
        let (parts, mut before) = (self.parts(), [Scalar::ONE; RESPONSES]);
        let remask = |seen: &Seen| {
            let mut masks = self.masks(seen);
            choose(&mut masks, &before);
            before = masks;
            let responses = std::array::from_fn(|i| masks[i] + dot(&parts[i], &seen.known));
            Seen { known: seen.known, responses }
        };
        proofs.iter().map(remask).collect()
    }
}

/// The known coefficients of a proof's challenges.
fn known(frames: &[Frame]) -> [Scalar; KNOWN] {
    let drawn = |name: &str| -> Vec<[u8; 64]> {
        let of = |frame: &Frame| {
            if let Frame::Drawn { label, bytes } = frame { (label == name).then_some(*bytes) } else { None }
        };
        frames.iter().filter_map(of).collect()
    };
    let scalars = |name: &str| -> Vec<Scalar> { drawn(name).iter().map(from_wide).collect() };
    let one = |name: &str| scalars(name)[0];
    let (knowledge, delta) = (one("knowledge.e"), one("knowledge.delta"));
    let (inner, xi) = (scalars("ipa.e"), scalars("ipa.xi"));
    let halves = drawn("ipa.y")[0].as_chunks::<8>().0.iter().map(|half| u64::from_le_bytes(*half)).collect::<Vec<_>>();
    let y = Challenge128 { a: halves[0], b: halves[1] }.to_scalar();
    let of_two_columns = [Scalar::ONE, xi[1], y, y.invert().unwrap()].map(|c| inner[1] * c);
    let rest = [one("product.e"), knowledge, knowledge * delta, knowledge * delta.square(), one("representation.e")];
    [&rest[..], &[inner[0], inner[0] * xi[0]], &of_two_columns].concat().try_into().unwrap()
}

/// All scalars in clear: what the inventory calls responses.
fn responses(frames: &[Frame]) -> [Scalar; RESPONSES] {
    let listed = INVENTORY.lines().filter_map(|line| line.strip_suffix("\tresponse")?.split('\t').nth(1));
    let labels: std::collections::BTreeSet<&str> = listed.collect();
    let of = |frame: &Frame| match frame {
        Frame::Absorbed { label, data } if labels.contains(&label.as_str()) => {
            Some((label.clone(), decode(data.as_slice().try_into().unwrap()).unwrap()))
        }
        _ => None,
    };
    let (met, scalars): (std::collections::BTreeSet<String>, Vec<Scalar>) = frames.iter().filter_map(of).unzip();
    assert!(met.iter().eq(&labels), "a response of the inventory is not collected");
    scalars.try_into().unwrap()
}

/// Proofs of one witness, each under another statement. `entropy` is the prover's.
fn collect(secrets: &Secrets, n: u32, entropy: impl Fn(u32) -> BlindSource) -> Vec<Seen> {
    let generators = Generators::derive("test", 2);
    let of_a_proof = |i: u32| {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&i.to_le_bytes());
        let channel = ProofWriter::new(Sender::new("test", &digest), &generators, entropy(i));
        let ((), frames) = staged([], || secrets.prove(channel));
        Seen { known: known(&frames), responses: responses(&frames) }
    };
    (0..n).map(of_a_proof).collect()
}

/// The first column of the responses.
const FIRST: usize = 1 + 2 * KNOWN;

/// A line for every proof but the first: 1, known coefficients here and in the proof before, responses there and here.
fn table(proofs: &[Seen]) -> Vec<Vec<Scalar>> {
    let line = |pair: &[Seen]| {
        let [before, here] = [&pair[0], &pair[1]];
        [&[Scalar::ONE][..], &here.known, &before.known, &before.responses, &here.responses].concat()
    };
    proofs.windows(2).map(line).collect()
}

/// An equation that holds in every line of a table.
struct Equation {
    /// The column that follows from those before it.
    column: usize,
    /// Their coefficients.
    coefficients: Vec<Scalar>,
}

/// Solves a table: as many equations as its rank is less than its columns. The reduced lines are those of pivots.
fn equations(mut lines: Vec<Vec<Scalar>>) -> Vec<Equation> {
    let columns = lines[0].len();
    assert!(lines.len() > columns, "any few lines have equations");
    let (mut pivots, mut found) = (Vec::new(), Vec::new());
    for column in 0..columns {
        let rank = pivots.len();
        let Some(line) = (rank..lines.len()).find(|i| lines[*i][column] != Scalar::ZERO) else {
            let mut coefficients = vec![Scalar::ZERO; columns];
            pivots.iter().zip(&lines).for_each(|(pivot, line)| coefficients[*pivot] = line[column]);
            found.push(Equation { column, coefficients });
            continue;
        };
        lines.swap(rank, line);
        let inverse = lines[rank][column].invert().unwrap();
        lines[rank].iter_mut().for_each(|x| *x *= inverse);
        let pivot = lines[rank].clone();
        for (_, line) in lines.iter_mut().enumerate().filter(|(i, line)| *i != rank && line[column] != Scalar::ZERO) {
            let factor = line[column];
            line.iter_mut().zip(&pivot).for_each(|(x, p)| *x -= factor * p);
        }
        pivots.push(column);
    }
    found
}

/// The coefficient of what is known in this proof, in the equation of a response.
fn solved(equations: &[Equation], response: usize) -> &[Scalar] {
    let column = FIRST + RESPONSES + response;
    let equation = equations.iter().find(|equation| equation.column == column).unwrap();
    &equation.coefficients[1..1 + KNOWN]
}

/// Whether the equations are about all responses, and their coefficients are the whole witness.
fn give_everything(equations: &[Equation], secrets: &Secrets) -> bool {
    let own = equations.iter().filter(|equation| equation.column >= FIRST + RESPONSES);
    let found = |(i, parts): (usize, [Scalar; KNOWN])| {
        let solved = solved(equations, i);
        (0..KNOWN).all(|k| parts[k] == Scalar::ZERO || parts[k] == solved[k])
    };
    own.count() == RESPONSES && secrets.parts().into_iter().enumerate().all(found)
}

fn fresh(_: u32) -> BlindSource {
    BlindSource::new(&mut OsEntropy, &[]).unwrap()
}

/// Randomness that repeats itself.
struct Stuck;

impl Entropy for Stuck {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), zkdl_field::scalar::RandomnessError> {
        bytes.fill(7);
        Ok(())
    }
}

/// Catalogue 113: the scalars in clear of a thousand proofs satisfy no linear equation, so none about the witness. Repeated
/// randomness, unless it is hedged, gives the whole witness away.
#[test]
fn responses_give_no_equation_about_the_witness() {
    let secrets = Secrets::new();
    assert!(equations(table(&collect(&secrets, 1000, fresh))).is_empty());
    let stuck = |_| BlindSource::new(&mut Stuck, &[]).unwrap();
    assert!(give_everything(&equations(table(&collect(&secrets, 100, stuck))), &secrets), "the control");
    let hedged = |i: u32| BlindSource::new(&mut Stuck, &[&i.to_le_bytes()]).unwrap();
    let hedged = collect(&secrets, 100, hedged);
    assert!(equations(table(&hedged)).is_empty(), "with the statement in the key, repeated randomness does no harm");
}

/// Catalogue 113: masks need not be equal to be found. Two that are multiples of each other give an equation; one for two
/// responses, or masks that follow from those of the proof before, give what they hide.
#[test]
fn related_masks_would_give_equations_about_the_witness() {
    let secrets = Secrets::new();
    let proofs = collect(&secrets, 100, fresh);
    let two = Scalar::from(2);
    assert!(equations(table(&secrets.remasked(&proofs, |_, _| ()))).is_empty());
    let [x, y, z] = &secrets.factors;

    let doubled = secrets.remasked(&proofs, |masks, _| masks[1] = two * masks[0]);
    let found = equations(table(&doubled));
    assert_eq!(found.len(), 2, "one about this proof and one about the one before");
    assert_eq!(solved(&found, 1)[0], y.blind - two * y.value);

    let shared = secrets.remasked(&proofs, |masks, _| masks[3] = masks[0]);
    let found = equations(table(&shared));
    assert_eq!(found.len(), 2);
    assert_eq!(solved(&found, 3)[..4], [-y.value, x.value, y.value, z.value]);

    let chained = secrets.remasked(&proofs, |masks, before| *masks = before.map(|mask| two * mask + Scalar::ONE));
    assert!(give_everything(&equations(table(&chained)), &secrets));
}

/// Whether the masks of every response come from all of the field: some from its first quarter, some from its last.
fn fill_the_field(masks: &[[Scalar; RESPONSES]]) -> bool {
    // r is a little more than 2^254.
    let quarter = |mask: &Scalar| encode(mask)[31] / 16;
    (0..RESPONSES).all(|i| [0, 3].iter().all(|end| masks.iter().any(|masks| quarter(&masks[i]) == *end)))
}

/// Catalogue 113: a mask that is shorter than the field would leave the multiple of the witness under it to be found as a short vector of a
/// lattice, although responses look uniform.
#[test]
fn masks_are_as_long_as_the_field() {
    let secrets = Secrets::new();
    let proofs = collect(&secrets, 300, fresh);
    let masks = |proofs: &[Seen]| proofs.iter().map(|seen| secrets.masks(seen)).collect::<Vec<_>>();
    assert!(fill_the_field(&masks(&proofs)));
    let short = |mask: Scalar| {
        let mut bytes = encode(&mask);
        bytes[31] = 0;
        decode(&bytes).unwrap()
    };
    for i in 0..RESPONSES {
        let one_short = secrets.remasked(&proofs, |masks, _| masks[i] = short(masks[i]));
        assert!(!fill_the_field(&masks(&one_short)), "response {i}");
    }
}

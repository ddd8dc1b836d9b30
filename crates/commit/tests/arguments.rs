//! The sigma protocols and the inner-product argument: honest, cheating and simulated provers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use zkdl_commit::blinds::{BlindSource, OsEntropy};
use zkdl_commit::channel::{Check, Equation, ProofReader, ProofWriter, ProverChannel, VerifierChannel};
use zkdl_commit::msm::msm;
use zkdl_commit::pedersen::{Commitment, Hidden, Opening};
use zkdl_commit::representation::{self, Public};
use zkdl_commit::sigma::{self, Product};
use zkdl_commit::{ipa, pedersen};
use zkdl_field::generators::Generators;
use zkdl_field::scalar::{dot, random};
use zkdl_field::{Affine, Field, Scalar, group, multilinear, scalar};
use zkdl_transcript::simulator::{Frame, staged};
use zkdl_transcript::{Receiver, Sender};

const NAME: &str = "test";
const DIGEST: [u8; 32] = [3; 32];

fn generators(columns: usize) -> Generators {
    Generators::derive("test", columns)
}

fn writer(generators: &Generators) -> ProofWriter<'_> {
    let blinds = BlindSource::new(&mut OsEntropy, &[]).unwrap();
    ProofWriter::new(Sender::new(NAME, &DIGEST), generators, blinds)
}

fn reader(proof: &[u8]) -> ProofReader<'_> {
    ProofReader::new(Receiver::new(NAME, &DIGEST, proof))
}

fn sum(equation: &Equation, points: &[Affine], g: &Generators) -> zkdl_field::Point {
    let mut bases: Vec<Affine> = equation.form.terms.iter().map(|(i, _)| points[*i]).collect();
    let mut scalars: Vec<Scalar> = equation.form.terms.iter().map(|(_, c)| *c).collect();
    bases.extend([g.value, g.blind]);
    scalars.extend([equation.form.constant, equation.blind]);
    bases.extend(&g.columns[..equation.columns.len()]);
    scalars.extend(&equation.columns);
    msm(&bases, &scalars)
}

/// The checks that fail.
fn failing(channel: &ProofReader<'_>, g: &Generators) -> Vec<Check> {
    let fails = |e: &&Equation| !group::is_identity(&sum(e, &channel.points, g));
    channel.equations.iter().filter(fails).map(|e| e.check).collect()
}

fn open(value: Scalar) -> Opening {
    Opening { value, blind: random().unwrap() }
}

/// Proves one product about hidden x, y, z and the knowledge of all three; returns what fails.
fn product_proof(x: Scalar, y: Scalar, z: Scalar) -> Vec<Check> {
    let g = generators(1);
    let mut channel = writer(&g);
    let [x, y, z] = [("x", x), ("y", y), ("z", z)].map(|(label, v)| channel.hide(label, v));
    sigma::prove_products(&mut channel, &[Product { name: "xy", x, y, z }]);
    sigma::prove_knowledge(&mut channel);
    let proof = channel.sender.finish();
    let mut channel = reader(&proof);
    let [x, y, z] = ["x", "y", "z"].map(|label| channel.receive(label).unwrap());
    sigma::verify_products(&mut channel, &[Product { name: "xy", x, y, z }]).unwrap();
    sigma::verify_knowledge(&mut channel).unwrap();
    failing(&channel, &g)
}

/// Catalogue 56.
#[test]
fn products_hold_or_are_named() {
    let (x, y) = (random().unwrap(), random().unwrap());
    assert_eq!(product_proof(x, y, x * y), []);
    assert_eq!(product_proof(Scalar::ZERO, y, Scalar::ZERO), []);
    assert_eq!(product_proof(x, y, x * y + Scalar::ONE), [Check::Product("xy")]);
    assert_eq!(product_proof(Scalar::ZERO, y, y), [Check::Product("xy")]);
}

/// A commitment that nobody can open: a column generator where g and H should be.
#[test]
fn knowledge_refuses_a_commitment_outside_the_span_of_g_and_h() {
    let g = generators(1);
    let mut channel = writer(&g);
    let honest = channel.hide("x", Scalar::from(5));
    channel.sender.send_point("y", &g.columns[0]);
    channel.sent.push(honest);
    sigma::prove_knowledge(&mut channel);
    let proof = channel.sender.finish();
    let mut channel = reader(&proof);
    channel.receive("x").unwrap();
    channel.receive("y").unwrap();
    sigma::verify_knowledge(&mut channel).unwrap();
    assert_eq!(failing(&channel, &g), [Check::Knowledge]);
}

/// An inner-product statement: the row commitment E and the value commitment K as points.
struct Inner {
    g: Generators,
    vector: Vec<Scalar>,
    point: Vec<Scalar>,
    row_blind: Scalar,
    value: Opening,
}

impl Inner {
    fn new(log: usize, length: usize) -> Self {
        let vector: Vec<Scalar> = (0..length).map(|_| random().unwrap()).collect();
        let point: Vec<Scalar> = (0..log).map(|_| random().unwrap()).collect();
        let value = open(multilinear::evaluate(&vector, &point));
        Self { g: generators(1 << log), vector, point, row_blind: random().unwrap(), value }
    }

    fn row(&self) -> Affine {
        group::affine(&(msm(&self.g.columns[..self.vector.len()], &self.vector) + self.g.blind * self.row_blind))
    }

    fn value_point(&self) -> Affine {
        group::affine(&self.g.commit(&self.value.value, &self.value.blind))
    }

    fn prove(&self) -> Vec<u8> {
        let mut channel = writer(&self.g);
        let witness =
            ipa::Witness { vector: self.vector.clone().into(), blind: self.row_blind, value: self.value.clone() };
        ipa::prove(&mut channel, &self.g.columns, witness, &self.point).unwrap();
        channel.sender.finish()
    }

    fn verify(&self, proof: &[u8], row: Affine, value: Affine) -> Vec<Check> {
        let mut channel = reader(proof);
        channel.register([row, value]);
        ipa::verify(&mut channel, Commitment::point(0), Commitment::point(1), &self.point).unwrap();
        channel.receiver.challenge("settle");
        failing(&channel, &self.g)
    }
}

#[test]
fn inner_products_of_every_size_and_length() {
    for (log, length) in [(0, 1), (1, 2), (2, 3), (3, 8), (5, 1), (6, 50)] {
        let inner = Inner::new(log, length);
        assert_eq!(inner.verify(&inner.prove(), inner.row(), inner.value_point()), [], "2^{log}, {length}");
    }
}

/// The number of columns is absorbed: two lengths are two protocols.
#[test]
fn the_number_of_columns_is_bound() {
    for log in [0, 3] {
        let inner = Inner::new(log, 1 << log);
        let (_, frames) = staged([], || inner.prove());
        let absorbed = Frame::Absorbed { label: "ipa".into(), data: (1u64 << log).to_le_bytes().to_vec() };
        assert!(frames.contains(&absorbed), "2^{log}");
        assert_eq!(inner.prove().len(), 32 * ipa::messages(1 << log));
    }
}

/// Catalogue 40, 57: another value, another row, another blind.
#[test]
fn false_inner_products_fail() {
    let mut inner = Inner::new(4, 11);
    let (row, value) = (inner.row(), inner.value_point());
    let honest = inner.prove();
    let other = group::affine(&(group::identity() + inner.g.value));
    assert_eq!(inner.verify(&honest, row, other), [Check::Opening]);
    assert_eq!(inner.verify(&honest, other, value), [Check::Opening]);
    inner.value.value += Scalar::ONE;
    assert_eq!(inner.verify(&inner.prove(), row, inner.value_point()), [Check::Opening]);
    inner.value.value -= Scalar::ONE;
    inner.row_blind += Scalar::ONE;
    assert_eq!(inner.verify(&inner.prove(), row, value), [Check::Opening]);
}

/// Catalogue 41: vector, blinds and commitments stay, one coordinate of the point changes. Neither the proof of the right point
/// nor one made for the neighbour shows that the value is the neighbour's.
#[test]
fn a_value_is_not_that_of_a_neighbouring_point() {
    let mut inner = Inner::new(4, 11);
    let (row, value) = (inner.row(), inner.value_point());
    let honest = inner.prove();
    for coordinate in 0..4 {
        inner.point[coordinate] += Scalar::ONE;
        assert_eq!(inner.verify(&honest, row, value), [Check::Opening], "coordinate {coordinate}");
        assert_eq!(inner.verify(&inner.prove(), row, value), [Check::Opening], "coordinate {coordinate}");
        inner.point[coordinate] -= Scalar::ONE;
    }
    assert_eq!(inner.verify(&honest, row, value), []);
}

/// Catalogue 45: the reason for xi: weight moved between row and value must not cancel.
#[test]
fn weight_moved_between_row_and_value_fails() {
    let inner = Inner::new(3, 8);
    let shift = inner.g.value;
    let row = group::affine(&(group::identity() + inner.row() + shift));
    let value = group::affine(&(group::identity() + inner.value_point() - shift));
    assert_eq!(inner.verify(&inner.prove(), row, value), [Check::Opening]);
}

/// z and z_r of a proof, its last messages.
fn responses(proof: &[u8]) -> [Scalar; 2] {
    let messages = proof.as_chunks::<32>().0;
    [2, 1].map(|back| scalar::decode(&messages[messages.len() - back]).unwrap())
}

fn with_responses(proof: &[u8], responses: [Scalar; 2]) -> Vec<u8> {
    [&proof[..proof.len() - 64], &responses.map(|s| scalar::encode(&s)).concat()].concat()
}

/// Catalogue 37: every response changed after the last challenge.
#[test]
fn responses_are_checked() {
    let inner = Inner::new(3, 8);
    let proof = inner.prove();
    let [z, z_r] = responses(&proof);
    for changed in [[z + Scalar::ONE, z_r], [z, z_r + Scalar::ONE]] {
        let bytes = with_responses(&proof, changed);
        assert_eq!(inner.verify(&bytes, inner.row(), inner.value_point()), [Check::Opening]);
    }
}

/// Catalogue 48: both responses changed so that their product stays.
#[test]
fn responses_of_the_same_product_fail() {
    let inner = Inner::new(3, 8);
    let proof = inner.prove();
    let [z, z_r] = responses(&proof);
    let factors = [Scalar::from(2), -Scalar::ONE, random().unwrap()];
    let moved = factors.map(|c| [z * c, z_r * c.invert().unwrap()]);
    for changed in moved.into_iter().chain([[z_r, z]]) {
        assert_eq!(changed[0] * changed[1], z * z_r);
        let bytes = with_responses(&proof, changed);
        assert_eq!(inner.verify(&bytes, inner.row(), inner.value_point()), [Check::Opening]);
    }
    assert_eq!(inner.verify(&with_responses(&proof, [z, z_r]), inner.row(), inner.value_point()), []);
}

/// Catalogue 47, 29, 47: why generators are hashed. Who knows a relation between them opens a row to another vector, and the
/// verifier, who trusts the generators that it is given, believes it.
#[test]
fn a_trapdoor_between_generators_opens_rows_to_anything() {
    let mut inner = Inner::new(3, 8);
    inner.g.columns[1] = group::affine(&(inner.g.columns[0] * Scalar::from(2)));
    let row = inner.row();
    inner.vector[0] += Scalar::from(2);
    inner.vector[1] -= Scalar::ONE;
    inner.value = open(multilinear::evaluate(&inner.vector, &inner.point));
    assert_eq!(inner.row(), row, "both vectors have the same commitment");
    assert_eq!(inner.verify(&inner.prove(), row, inner.value_point()), []);
    inner.g = generators(8);
    assert_eq!(inner.verify(&inner.prove(), row, inner.value_point()), [Check::Opening]);
}

// ------------------------------------------------------------------------------------------------ simulators

/// A message of a simulated proof.
#[derive(Clone, Copy, PartialEq)]
enum Message {
    /// A uniform point.
    Point,
    /// The first message of a sigma protocol: solved for after the challenges.
    First,
    /// A uniform scalar.
    Scalar,
}

fn random_point(g: &Generators) -> Affine {
    group::affine(&g.commit(&random().unwrap(), &random().unwrap()))
}

/// Simulates without any witness: uniform messages, programmed challenges, first messages solved from the equations. Returns
/// the checks that fail under the programmed challenges and under live ones.
fn simulate(
    g: &Generators,
    messages: &[Message],
    public: &[Affine],
    read: impl Fn(&mut ProofReader<'_>),
) -> (Vec<Check>, Vec<Check>) {
    let script: Vec<[u8; 64]> =
        (0..64u8).map(|i| std::array::from_fn(|k| i ^ (k as u8).wrapping_mul(37) ^ 0x5a)).collect();
    let scalars: Vec<Scalar> = messages.iter().map(|_| random().unwrap()).collect();
    let mut points: Vec<Affine> = messages.iter().map(|_| random_point(g)).collect();
    let encode = |points: &[Affine]| -> Vec<u8> {
        let one = |i: usize| {
            if messages[i] == Message::Scalar { scalar::encode(&scalars[i]) } else { group::encode(&points[i]) }
        };
        (0..messages.len()).flat_map(one).collect()
    };
    let run = |proof: &[u8], script: &[[u8; 64]]| {
        let mut channel = ProofReader::new(Receiver::new(NAME, &DIGEST, proof));
        channel.register(public.iter().copied());
        let ((), _) = staged(script.iter().copied(), || read(&mut channel));
        (channel.equations, channel.points)
    };
    let (equations, known) = run(&encode(&points), &script);
    let sent: Vec<usize> = (0..messages.len()).filter(|i| messages[*i] != Message::Scalar).collect();
    for equation in &equations {
        let (first, message) = first_message(equation, public.len(), &sent, messages);
        let correction = sum(equation, &known, g);
        points[message] = group::affine(&(correction + known[first]));
    }
    let proof = encode(&points);
    let checks = |script: &[[u8; 64]]| {
        let (equations, points) = run(&proof, script);
        let fails = |e: &&Equation| !group::is_identity(&sum(e, &points, g));
        equations.iter().filter(fails).map(|e| e.check).collect()
    };
    (checks(&script), checks(&[]))
}

/// Index among the known points, and among the messages, of the equation's own first message; it has coefficient -1.
fn first_message(equation: &Equation, public: usize, sent: &[usize], messages: &[Message]) -> (usize, usize) {
    let found = equation.form.terms.iter().find_map(|(index, c)| {
        let message = *sent.get(index.checked_sub(public)?)?;
        (messages[message] == Message::First && *c == -Scalar::ONE).then_some((*index, message))
    });
    found.unwrap()
}

/// Catalogue 111.
#[test]
fn products_and_knowledge_are_simulated() {
    use Message::{First, Point, Scalar as S};
    let g = generators(1);
    let messages = [Point, Point, Point, First, First, S, S, S, First, S, S];
    let (programmed, live) = simulate(&g, &messages, &[], |channel| {
        let [x, y, z] = ["x", "y", "z"].map(|label| channel.receive(label).unwrap());
        sigma::verify_products(channel, &[Product { name: "xy", x, y, z }]).unwrap();
        sigma::verify_knowledge(channel).unwrap();
    });
    assert_eq!(programmed, []);
    assert_eq!(live, [Check::Product("xy"), Check::Product("xy"), Check::Knowledge]);
}

/// Catalogue 111.
#[test]
fn inner_products_are_simulated() {
    use Message::{First, Point, Scalar as S};
    let g = generators(8);
    let public = [random_point(&g), random_point(&g)];
    let point: Vec<Scalar> = (0..3).map(|_| random().unwrap()).collect();
    let messages = [Point, Point, Point, Point, Point, Point, First, S, S];
    let (programmed, live) = simulate(&g, &messages, &public, |channel| {
        ipa::verify(channel, Commitment::point(0), Commitment::point(1), &point).unwrap();
    });
    assert_eq!(programmed, []);
    assert_eq!(live, [Check::Opening]);
}

/// Both sides of the linear algebra agree: the commitment of a combination is the combination of commitments.
#[test]
fn hidden_values_are_linear() {
    let g = generators(1);
    let (x, y) = (open(Scalar::from(7)), open(Scalar::from(11)));
    let points = [&x, &y].map(|o| group::affine(&g.commit(&o.value, &o.blind)));
    let (a, b, c) = (random().unwrap(), random().unwrap(), random().unwrap());
    let combined = x * a - y * b + Opening::public(c);
    let form = Commitment::point(0) * a - Commitment::point(1) * b + <Commitment as pedersen::Hidden>::public(c);
    let equation = Equation::new(Check::Knowledge, form - Commitment::public(combined.value), -combined.blind);
    assert!(group::is_identity(&sum(&equation, &points, &g)));
    assert_eq!(combined.value, dot(&[a, -b, c], &[Scalar::from(7), Scalar::from(11), Scalar::ONE]));
}

/// Proves that the row with `public` columns holds `y` under `blind`; `row` is what is really committed. Returns what fails.
fn representation_proof(row: &[Scalar], public: &Public, y: &[Scalar]) -> Vec<Check> {
    let g = generators(8);
    let r = random().unwrap();
    let c = group::affine(&(msm(&g.columns, row) + g.blind * r));
    let mut channel = writer(&g);
    representation::prove(&mut channel, public, y, &r);
    let proof = channel.sender.finish();
    let mut channel = reader(&proof);
    let first = channel.register([c]);
    representation::verify(&mut channel, Commitment::point(first), public).unwrap();
    failing(&channel, &g)
}

#[test]
fn representations_are_exact() {
    let row: Vec<Scalar> = (0..5).map(|_| random().unwrap()).collect();
    let split = |k: usize| (Public { columns: row[..k].to_vec(), hidden: row.len() - k }, &row[k..]);
    for k in 0..=5 {
        let (public, y) = split(k);
        assert_eq!(representation_proof(&row, &public, y), [], "{k} public columns");
        for j in 0..k {
            let mut other = public.clone();
            other.columns[j] += Scalar::ONE;
            assert_eq!(representation_proof(&row, &other, y), [Check::Representation]);
        }
    }
    // What lies behind the hidden columns is not part of them.
    let (public, y) = split(3);
    let junk = [row.clone(), vec![Scalar::ZERO, Scalar::ONE]].concat();
    assert_eq!(representation_proof(&junk, &public, y), [Check::Representation]);
}

/// Catalogue 111.
#[test]
fn representations_are_simulated() {
    let g = generators(8);
    let public = Public { columns: vec![random().unwrap(), random().unwrap()], hidden: 3 };
    let c = group::affine(&g.commit(&random().unwrap(), &random().unwrap()));
    let e = scalar::from_wide(&[7; 64]);
    let responses: Vec<Scalar> = (0..4).map(|_| random().unwrap()).collect();
    let columns: Vec<Scalar> = public.columns.iter().map(|x| e * x).chain(responses[..3].iter().copied()).collect();
    let t = msm(&g.columns, &columns) + g.blind * responses[3] - c * e;
    let mut proof = group::encode(&group::affine(&t)).to_vec();
    proof.extend(responses.iter().flat_map(scalar::encode));
    let failing = || {
        let mut channel = ProofReader::new(Receiver::new(NAME, &DIGEST, &proof));
        let first = channel.register([c]);
        representation::verify(&mut channel, Commitment::point(first), &public).unwrap();
        failing(&channel, &g)
    };
    assert_eq!(staged([[7; 64]], failing).0, []);
    assert_eq!(failing(), [Check::Representation]);
}

//! Proofs of a data set: random shapes, and bytes and public values that were changed afterwards.

use crate::flips::telling_bits;
use crate::support::{Counter, generators};
use proptest::prelude::*;
use rayon::prelude::*;
use zkdl::DataSet;
use zkdl::codec::FormatError;
use zkdl::data_proof::{DataProof, choose_log_columns, digest, prove, verify};
use zkdl::error::StatementError;
use zkdl::open;
use zkdl::points::commit_points;
use zkdl::size::data_proof_bytes;
use zkdl::statement::Limits;
use zkdl::{BlindedRows, PointCommitments, ProveError, Verified, VerifyError};
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::quantiser::ValueRange;
use zkdl_transcript::ReadError;

/// A data set with its commitments.
struct Set {
    data: Descriptor,
    features: Vec<i32>,
    labels: Vec<u32>,
    rows: BlindedRows,
    points: PointCommitments,
}

impl Set {
    fn new((points, features, classes): (u32, u32, u32), (min, most): (i32, u32), seed: u64) -> Self {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        let value_max = min + most as i32;
        let values: Vec<i32> = (0..points * features).map(|_| min + (next() % (most + 1)) as i32).collect();
        let labels: Vec<u32> = (0..points).map(|_| next() % classes).collect();
        let columns = generators().first((features + classes).next_power_of_two() as usize);
        let rows = commit_points(&columns, &values, &labels, classes as usize, &mut Counter(seed as u8)).unwrap();
        let commitments = PointCommitments(rows.rows.clone());
        let mut data = Descriptor::uniform(points, features, classes, ValueRange { min, max: value_max }, 4);
        data.root = commitments.root(&data).unwrap();
        Self { data, features: values, labels, rows, points: commitments }
    }

    fn input(&self) -> DataSet<'_> {
        DataSet { features: &self.features, labels: &self.labels, blinds: &self.rows.blinds }
    }

    fn prove(&self) -> DataProof {
        let log_columns = choose_log_columns(&self.data, &Limits::default()).unwrap();
        prove(&self.data, log_columns, self.input(), generators(), &mut |_| ()).unwrap()
    }

    fn verify(&self, proof: &DataProof) -> Result<Verified, VerifyError> {
        verify(&self.data, &self.points, proof, &Limits::default(), generators())
    }

    fn check(&self, bytes: &[u8]) -> Result<Verified, VerifyError> {
        self.verify(&DataProof::decode(bytes)?)
    }
}

fn tiny() -> Set {
    Set::new((2, 2, 2), (-1, 4), 5)
}

/// The length of a proof as the specification gives it.
fn length(data: &Descriptor, log_columns: u32) -> usize {
    let log = |n: u32| n.next_power_of_two().ilog2() as usize;
    let most = data.value_max().abs_diff(data.value_min());
    let bits = (most + 1).next_power_of_two().ilog2() * data.features + data.classes;
    let cells = bits.div_ceil(128).max(1);
    let fitting = ((1 << log_columns) / (128 * cells)).ilog2().min(log(data.points) as u32);
    let rows = data.points.div_ceil(1 << fitting) as usize;
    let classes = if rows > 1 && !data.points.is_multiple_of(1 << fitting) { 5 } else { 3 };
    let points = rows + 3 * (7 + log(cells) + log(data.points)) + 4 * log_columns as usize + classes + 4;
    63 + 32 * (points + 7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Catalogue 117.
    #[test]
    fn proofs_of_random_shapes_verify(
        points in prop_oneof![1u32..6, 1u32..80],
        features in prop_oneof![1u32..5, 1u32..90],
        classes in 1u32..20,
        min in -(1 << 20) + 1..0i32,
        most in prop_oneof![Just(0u32), Just(1), Just(255), 0u32..40, 1u32..1 << 20],
        more in 0u32..4,
        seed: u64,
    ) {
        let set = Set::new((points, features, classes), (min, most), seed);
        let log_columns = choose_log_columns(&set.data, &Limits::default()).unwrap() + more;
        let proof = prove(&set.data, log_columns, set.input(), generators(), &mut |_| ()).unwrap();
        let verified = set.check(&proof.encode()).unwrap();
        prop_assert_eq!(verified.statement, digest(&set.data, log_columns));
        prop_assert_eq!(proof.encode().len(), length(&set.data, log_columns));
        prop_assert_eq!(data_proof_bytes(&set.data, log_columns, &Limits::default()), Ok(length(&set.data, log_columns)));
    }
}

/// The largest range there is: 21 bits, and 20 for what is one less than a power of two.
#[test]
fn ends_of_ranges_have_bits() {
    for (min, most) in [(-(1 << 20) + 1, (1 << 21) - 2), (0, (1 << 20) - 1), (-7, 0), (-1, 1)] {
        let mut set = Set::new((3, 2, 1), (min, most), 1);
        set.features = [min, min + most as i32].repeat(3);
        let columns = generators().first(4);
        set.rows = commit_points(&columns, &set.features, &set.labels, 1, &mut Counter(1)).unwrap();
        set.points = PointCommitments(set.rows.rows.clone());
        set.data.root = set.points.root(&set.data).unwrap();
        assert!(set.verify(&set.prove()).is_ok());
    }
}

#[test]
fn data_of_another_descriptor_are_misuse() {
    let set = tiny();
    let log_columns = set.prove().log_columns;
    let attempt =
        |data: &Descriptor, input: DataSet<'_>| prove(data, log_columns, input, generators(), &mut |_| ()).unwrap_err();
    let (mut features, mut labels) = (set.features.clone(), set.labels.clone());
    features[3] = 4;
    assert_eq!(attempt(&set.data, DataSet { features: &features, ..set.input() }), ProveError::OutOfRange);
    labels[1] = 2;
    let no_class = ProveError::Witness { what: "a label", got: 2, expected: 1 };
    assert_eq!(attempt(&set.data, DataSet { labels: &labels, ..set.input() }), no_class);
    let misfit = attempt(&set.data, DataSet { blinds: &[], ..set.input() });
    assert!(matches!(misfit, ProveError::Witness { .. }), "{misfit:?}");
    // Right data, wrong blinds or another root: a proof that does not verify.
    let blinds: Vec<_> = set.rows.blinds.iter().rev().copied().collect();
    let input = DataSet { blinds: &blinds, ..set.input() };
    let proof = prove(&set.data, log_columns, input, generators(), &mut |_| ()).unwrap();
    assert_eq!(set.verify(&proof), Err(VerifyError::Opening));
}

/// Catalogue 16.
#[test]
fn a_flipped_bit_in_any_byte_is_rejected() {
    let set = tiny();
    let proof = set.prove();
    let bytes = proof.encode();
    assert!(set.check(&bytes).is_ok());
    let flip = |bit: &usize| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        set.check(&bytes).is_ok()
    };
    let accepted = telling_bits(bytes.len(), proof.body.len()).into_par_iter().filter(flip);
    assert_eq!(accepted.collect::<Vec<_>>(), Vec::<usize>::new(), "of {} bytes", bytes.len());
}

/// Catalogue 1, 2.
#[test]
fn other_lengths_are_typed_errors() {
    let set = tiny();
    let proof = set.prove();
    let bytes = proof.encode();
    assert_eq!(DataProof::decode(&bytes).unwrap(), proof);
    for end in 0..bytes.len() {
        let error = set.check(&bytes[..end]).unwrap_err();
        assert!(matches!(error, VerifyError::Format(_)), "{end}: {error:?}");
    }
    for end in 0..proof.body.len() {
        let short = DataProof { body: proof.body[..end].to_vec(), ..proof.clone() };
        let error = set.verify(&short).unwrap_err();
        assert!(matches!(error, VerifyError::Read(ReadError::Truncated { .. })), "{end}: {error:?}");
    }
    let error = set.check(&[bytes, vec![0]].concat());
    assert_eq!(error, Err(VerifyError::Format(FormatError::Trailing { what: "data proof", bytes: 1 })));
    let longer = DataProof { body: [proof.body.clone(), vec![0; 7]].concat(), ..proof };
    assert_eq!(set.verify(&longer), Err(VerifyError::Read(ReadError::Trailing { bytes: 7 })));
}

/// Rows of bits that have no room are missed before anything else is looked at.
#[test]
fn room_is_asked_for_first() {
    let set = tiny();
    let proof = set.prove();
    let of_length = |length: usize| {
        let short = DataProof { body: proof.body[..length].to_vec(), ..proof.clone() };
        set.verify(&short).unwrap_err()
    };
    let first = |offset: usize| VerifyError::Read(ReadError::Truncated { offset, label: "bits.row" });
    // One byte less than so many rows: reading would miss the last row where it begins.
    let missed = (1..).map(|rows| 32 * rows - 1).take_while(|length| of_length(*length) == first(*length));
    let rows = missed.count();
    assert_eq!(rows, 2, "a row a point");
    assert_ne!(of_length(32 * rows), first(32 * rows));
}

type Change = (&'static str, fn(&mut Descriptor));

/// The proof under a statement that says something else, with the digest and the root of the changed one.
#[test]
fn every_public_value_is_bound() {
    let set = tiny();
    let proof = set.prove();
    let changes: &[Change] = &[
        ("minimum", |d| d.columns[0].quantiser.min -= 1),
        ("maximum", |d| d.columns[0].quantiser.max += 1),
        ("fraction bits", |d| d.fraction_bits += 1),
        ("scale", |d| d.columns[0].quantiser.scale *= 2.0),
        ("offset", |d| d.columns[0].quantiser.offset += 1.0),
        ("clipping", |d| d.columns[0].quantiser.clip ^= true),
        ("distance", |d| d.near += 1),
        ("a feature read as a class", |d| {
            (d.features, d.classes) = (d.features - 1, d.classes + 1);
            d.columns[0].count -= 1;
        }),
    ];
    for (name, change) in changes {
        let mut data = set.data.clone();
        change(&mut data);
        let judge = |data: &Descriptor, statement| {
            let proof = DataProof { statement, ..proof.clone() };
            verify(data, &set.points, &proof, &Limits::default(), generators()).unwrap_err()
        };
        let error = judge(&data, proof.statement);
        assert!(matches!(error, VerifyError::StatementMismatch { .. }), "{name}: {error:?}");
        let error = judge(&data, digest(&data, proof.log_columns));
        assert!(matches!(error, VerifyError::Merkle { .. }), "{name}: {error:?}");
        data.root = set.points.root(&data).unwrap();
        let error = judge(&data, digest(&data, proof.log_columns));
        assert!(
            !matches!(error, VerifyError::Merkle { .. } | VerifyError::StatementMismatch { .. }),
            "{name}: {error:?}"
        );
    }
    let other = DataProof { log_columns: proof.log_columns + 1, ..proof.clone() };
    assert!(matches!(set.verify(&other), Err(VerifyError::StatementMismatch { .. })));
    let other = DataProof { statement: digest(&set.data, other.log_columns), ..other };
    assert!(set.verify(&other).is_err());
    let mut fewer = set.points.clone();
    fewer.0.pop();
    let error = verify(&set.data, &fewer, &proof, &Limits::default(), generators());
    assert!(matches!(error, Err(VerifyError::Merkle { .. })));
}

/// Catalogue 10, 11: what a hostile statement asks for is bounded by the files that are there and by the limits.
#[test]
fn absurd_statements_are_refused_before_any_work() {
    let set = tiny();
    let proof = set.prove();
    let judge = |change: &dyn Fn(&mut Descriptor), log_columns: u32| {
        let mut data = set.data.clone();
        change(&mut data);
        data.root = set.points.root(&data).unwrap();
        let proof = DataProof { statement: digest(&data, log_columns), log_columns, body: proof.body.clone() };
        verify(&data, &set.points, &proof, &Limits::default(), generators()).unwrap_err()
    };
    let log_columns = proof.log_columns;
    assert!(matches!(judge(&|d| d.points = u32::MAX, log_columns), VerifyError::Merkle { .. }));
    let refused = |error: VerifyError| matches!(error, VerifyError::Statement(_));
    assert!(refused(judge(&|d| d.features = u32::MAX, 20)));
    assert!(refused(judge(&|d| d.classes = u32::MAX, 20)));
    assert!(refused(judge(&|d| d.features = 0, log_columns)));
    assert!(refused(judge(&|d| d.columns[0].quantiser.min = i32::MIN, log_columns)));
    for log_columns in [0, 6, 21, 63, 64, u32::MAX] {
        assert!(refused(judge(&|_| (), log_columns)), "{log_columns}");
    }
    // No file bounds what is only counted.
    let many = Descriptor { points: u32::MAX, ..set.data.clone() };
    let counted = data_proof_bytes(&many, log_columns, &Limits::default());
    assert!(refused(counted.unwrap_err()));
}

#[test]
fn columns_are_chosen_within_the_limits() {
    let range = ValueRange { min: 0, max: 255 };
    let choose =
        |points, features| choose_log_columns(&Descriptor::uniform(points, features, 10, range, 4), &Limits::default());
    assert_eq!(choose(50_000, 784), Ok(15));
    assert_eq!(choose(1_000_000, 64), Ok(16));
    assert_eq!(choose(1, 1), Ok(7));
    assert_eq!(choose(1, 100_000), Ok(20));
    let error = choose(1, 200_000).unwrap_err();
    assert!(matches!(error, StatementError::Mismatch { .. }), "{error:?}");
}

/// Catalogue 107, 114: no message repeats between two proofs, and randomness that repeats gives other data other messages.
#[test]
fn two_proofs_share_no_message() {
    let messages =
        |proof: &DataProof| proof.body.chunks(32).map(<[u8]>::to_vec).collect::<std::collections::HashSet<_>>();
    let set = tiny();
    let (one, other) = (set.prove(), set.prove());
    assert_eq!(one.body.len(), other.body.len());
    assert_eq!(messages(&one).len(), one.body.len() / 32);
    assert!(messages(&one).is_disjoint(&messages(&other)));
    let stuck = |set: &Set| {
        open::prove_data(&set.data, one.log_columns, set.input(), generators(), &mut Counter(1), &mut |_| ()).unwrap()
    };
    assert_eq!(stuck(&set), stuck(&set));
    let changed = Set::new((2, 2, 2), (-1, 4), 6);
    assert!(messages(&stuck(&set)).is_disjoint(&messages(&stuck(&changed))));
}

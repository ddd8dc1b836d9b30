//! Bytes and public values that were changed after the proof was made (catalogue D.1, D.2).

use crate::support::{Counter, NAMED, Run, SMALL, Sizes, generators};
use rayon::prelude::*;
use std::collections::BTreeSet;
use zkdl::codec::FormatError;
use zkdl::points::commit_points;
use zkdl::proof::Proof;
use zkdl::statement::Limits;
use zkdl::{Origin, PointCommitments, Start, Statement, Verified, VerifyError, prove, verify};
use zkdl_dataset::{ColumnRun, Descriptor, Image, Quantiser};
use zkdl_train::Format;
use zkdl_transcript::ReadError;

/// A run with a proof of it.
pub(crate) struct Proven {
    pub(crate) run: Run,
    pub(crate) proof: Proof,
}

pub(crate) fn proven(sizes: &Sizes) -> Proven {
    let run = Run::new(sizes, 17);
    let proof = prove(&run.statement, run.input(), generators(), &mut |_| ()).unwrap();
    Proven { run, proof }
}

fn tiny() -> Sizes {
    Sizes {
        features: 2,
        hidden: vec![2],
        classes: 2,
        points: 2,
        batch: 1,
        steps: 1,
        first_step: 0,
        log_columns: Some(6),
        origin: Origin::Seed,
    }
}

fn check(statement: &Statement, points: &PointCommitments, proof: &[u8]) -> Result<Verified, VerifyError> {
    verify(statement, points, &Proof::decode(proof)?, &Limits::default(), generators())
}

/// Catalogue 16.
#[test]
fn every_single_bit_flip_is_rejected() {
    let Proven { run, proof } = proven(&tiny());
    let bytes = proof.encode();
    assert!(check(&run.statement, &run.points, &bytes).is_ok());
    let accepted: Vec<usize> = (0..8 * bytes.len())
        .into_par_iter()
        .filter(|bit| {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            check(&run.statement, &run.points, &bytes).is_ok()
        })
        .collect();
    assert_eq!(accepted, Vec::<usize>::new(), "of {} bits", 8 * bytes.len());
}

/// Catalogue 1: the file's own length check, and, with a length that fits, the transcript's.
#[test]
fn truncation_at_every_offset_is_a_typed_error() {
    let Proven { run, proof } = proven(&tiny());
    let bytes = proof.encode();
    for end in 0..bytes.len() {
        let error = check(&run.statement, &run.points, &bytes[..end]).unwrap_err();
        assert!(matches!(error, VerifyError::Format(_)), "{end}: {error:?}");
    }
    for end in 0..proof.body.len() {
        let short = Proof { body: proof.body[..end].to_vec(), ..proof.clone() };
        let error = check(&run.statement, &run.points, &short.encode()).unwrap_err();
        assert!(matches!(error, VerifyError::Read(ReadError::Truncated { .. })), "{end}: {error:?}");
    }
}

/// Rows of cells that have no room are missed before the order of the data is drawn.
#[test]
fn room_is_asked_for_first() {
    for (origin, log_columns, expected) in [(Origin::Seed, 6, 4), (Origin::Named { bits: 32 }, 7, 6)] {
        let Proven { run, proof } = proven(&Sizes { origin, log_columns: Some(log_columns), ..tiny() });
        let error_at = |offset: usize| {
            let short = Proof { body: proof.body[..offset].to_vec(), ..proof.clone() };
            check(&run.statement, &run.points, &short.encode()).unwrap_err()
        };
        let first = |offset: usize| VerifyError::Read(ReadError::Truncated { offset, label: "cells.row" });
        // One byte less than so many rows: reading would miss the last row where it begins.
        let missed = (1..).map(|rows| 32 * rows - 1).take_while(|length| error_at(*length) == first(*length));
        let rows = missed.count();
        assert_eq!(rows, expected, "of cells, and of the bits of start weights");
        assert_ne!(error_at(32 * rows), first(32 * rows));
    }
}

/// Catalogue 2.
#[test]
fn appended_bytes_are_a_typed_error() {
    let Proven { run, proof } = proven(&tiny());
    for extra in [1, 1 << 20] {
        let bytes = [proof.encode(), vec![0; extra]].concat();
        let error = check(&run.statement, &run.points, &bytes);
        assert_eq!(error, Err(VerifyError::Format(FormatError::Trailing { what: "proof", bytes: extra })));
        let longer = Proof { body: [proof.body.clone(), vec![0; extra]].concat(), ..proof.clone() };
        let error = check(&run.statement, &run.points, &longer.encode());
        assert_eq!(error, Err(VerifyError::Read(ReadError::Trailing { bytes: extra })));
    }
}

/// Catalogue 3, 9, 13, 30: lengths, magic words, versions.
#[test]
fn hostile_headers_are_typed_errors() {
    let Proven { run, proof } = proven(&tiny());
    let bytes = proof.encode();
    let length_at = bytes.len() - proof.body.len() - 8;
    let body = proof.body.len() as u64;
    for length in [0, body - 1, body + 1, 1 << 31, 1 << 32, 1 << 63, u64::MAX] {
        let mut bytes = bytes.clone();
        bytes[length_at..length_at + 8].copy_from_slice(&length.to_le_bytes());
        let error = check(&run.statement, &run.points, &bytes).unwrap_err();
        let named = match error {
            VerifyError::Format(FormatError::Trailing { bytes, .. }) => bytes as u64 + length == body,
            VerifyError::Format(FormatError::Value { got, .. }) => got == length && length > body,
            _ => false,
        };
        assert!(named, "{length}: {error:?}");
    }
    assert!(matches!(Proof::decode(b"zkdl-proof\x02\0\0\0"), Err(FormatError::Version { got: 2, .. })));
    assert!(matches!(Proof::decode(b"zkdl-statement"), Err(FormatError::Magic { .. })));
    assert!(matches!(Proof::decode(b""), Err(FormatError::Magic { .. })));
}

/// Catalogue 17: an accepted encoding is the only one of its value.
#[test]
fn encodings_are_canonical() {
    let Proven { run, proof } = proven(&Sizes { first_step: 2, ..SMALL() });
    let bytes = run.statement.encode();
    assert_eq!(Statement::decode(&bytes).unwrap().encode(), bytes);
    for end in 0..bytes.len() {
        assert!(Statement::decode(&bytes[..end]).is_err());
    }
    assert!(Statement::decode(&[bytes, vec![0]].concat()).is_err());
    let points = run.points.encode();
    assert_eq!(PointCommitments::decode(&points).unwrap().encode(), points);
    assert_eq!(Proof::decode(&proof.encode()).unwrap(), proof);
}

/// Another number of features, with quantisers for all of them.
fn widen(s: &mut Statement, by: i32) {
    s.data.features = s.data.features.wrapping_add_signed(by);
    s.data.columns[0].count = s.data.features;
}

/// A change of a statement, by its name.
pub(crate) type Change = (&'static str, fn(&mut Statement));

/// Every public value, each changed alone.
const CHANGES: &[Change] = &[
    ("number of points", |s| s.data.points += 1),
    ("number of features", |s| widen(s, 1)),
    ("number of classes", |s| s.data.classes += 1),
    ("smallest value", |s| s.data.columns[0].quantiser.min -= 1),
    ("largest value", |s| s.data.columns[0].quantiser.max += 1),
    ("scale", |s| s.data.columns[0].quantiser.scale = 2.0),
    ("offset", |s| s.data.columns[0].quantiser.offset = 1.0),
    ("clipping", |s| s.data.columns[0].quantiser.clip = true),
    ("range of one column", |s| {
        let mut own = s.data.columns[0];
        s.data.columns[0].count -= 1;
        (own.count, own.quantiser.max) = (1, 15);
        s.data.columns.push(own);
    }),
    ("distance of near-duplicates", |s| s.data.near = 1),
    ("layout of images", |s| {
        let width = s.data.features;
        s.data.image = Some(Image { width, height: 1, channels: 1, planar: false, white: 255 });
    }),
    ("input fraction bits", |s| s.data.fraction_bits -= 1),
    ("data root", |s| s.data.root[7] ^= 1),
    ("layer widths swapped", |s| s.hidden.swap(0, 1)),
    ("layer widened", |s| s.hidden[0] += 1),
    ("layer added", |s| s.hidden.push(4)),
    ("layer removed", |s| {
        s.hidden.pop();
    }),
    ("f_A", |s| s.format.f_a -= 1),
    ("f_A and f_G, same R", |s| (s.format.f_a, s.format.f_g) = (s.format.f_a - 1, s.format.f_g + 1)),
    ("f_G", |s| s.format.f_g += 1),
    ("Q", |s| s.format.q += 1),
    ("Q_G", |s| s.format.q_g -= 1),
    ("R_L", |s| s.r_l += 1),
    ("batch size", |s| s.batch -= 1),
    ("cap on steps", |s| s.max_steps += 1),
    ("nonce", |s| s.nonce[31] ^= 0x80),
    ("first step", |s| s.first_step += 1),
    ("learning rate of one step", |s| s.multipliers[1] += 1),
    ("learning rates swapped", |s| s.multipliers.swap(0, 2)),
    ("one step fewer", |s| {
        s.multipliers.pop();
    }),
    ("one step more", |s| s.multipliers.push(6_000)),
    ("columns", |s| s.log_columns += 1),
    ("final weights row", |s| s.end[0] = s.end[1]),
    ("final weights rows swapped", |s| s.end.swap(0, 1)),
];

fn rejects_every_change(sizes: &Sizes, changes: &[Change]) {
    let Proven { run, proof } = proven(sizes);
    for (name, change) in changes {
        let mut statement = run.statement.clone();
        change(&mut statement);
        assert_ne!(statement, run.statement, "{name} changes nothing");
        let error = verify(&statement, &run.points, &proof, &Limits::default(), generators()).unwrap_err();
        assert!(matches!(error, VerifyError::StatementMismatch { .. }), "{name}: {error:?}");
        // The same with a proof file that names the changed statement: then only the transcript can tell.
        let renamed = Proof { statement: statement.digest(), ..proof.clone() };
        let error = verify(&statement, &run.points, &renamed, &Limits::default(), generators()).unwrap_err();
        assert!(!matches!(error, VerifyError::StatementMismatch { .. }), "{name}: {error:?}");
    }
}

/// Names of the fields in which two values differ. A field that the type has and this list has not does not compile.
macro_rules! differing {
    ($names:ident, $a:expr, $b:expr, $type:ident { $($field:ident),* }) => {
        let ($type { $($field),* }, other) = ($a, $b);
        $(if *$field != other.$field {
            $names.insert(concat!(stringify!($type), ".", stringify!($field)));
        })*
    };
}

/// Everything public that a change changes.
fn differing(a: &Statement, b: &Statement) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    differing!(
        names,
        a,
        b,
        Statement {
            data,
            hidden,
            format,
            batch,
            r_l,
            max_steps,
            nonce,
            first_step,
            multipliers,
            log_columns,
            start,
            end
        }
    );
    differing!(names, &a.format, &b.format, Format { f_a, f_g, q, q_g });
    differing!(
        names,
        &a.data,
        &b.data,
        Descriptor { points, features, classes, fraction_bits, near, image, columns, root }
    );
    differing!(names, &a.data.columns[0], &b.data.columns[0], ColumnRun { count, quantiser });
    let (a, b) = (&a.data.columns[0].quantiser, &b.data.columns[0].quantiser);
    differing!(names, a, b, Quantiser { scale, offset, min, max, clip });
    names
}

/// Fields of a statement and of what it consists of: its own, those of format, descriptor, run of columns, quantiser.
pub(crate) const PUBLIC_FIELDS: usize = 12 + 4 + 8 + 2 + 5;

/// The list of changes is complete: every field of the statement, and of what it consists of, is changed alone.
#[test]
fn no_public_value_is_forgotten() {
    let run = Run::new(&SMALL(), 17);
    let changed = |(_, change): &Change| {
        let mut statement = run.statement.clone();
        change(&mut statement);
        differing(&run.statement, &statement)
    };
    let named: BTreeSet<&str> = CHANGES.iter().flat_map(changed).collect();
    let start = BTreeSet::from(["Statement.start"]);
    assert_eq!(named.len() + start.len(), PUBLIC_FIELDS, "{named:?}");
    assert!(named.is_disjoint(&start), "the start is changed in a table of its own");
}

/// What images are is public, too: each field counts. A field more does not compile.
#[test]
fn every_field_of_an_image_counts() {
    let run = Run::new(&SMALL(), 17);
    let image = Image { width: 2, height: 3, channels: 1, planar: false, white: 255 };
    let Image { width, height, channels, planar, white } = image;
    let others = [
        Image { width: width + 1, ..image },
        Image { height: height + 1, ..image },
        Image { channels: channels + 2, ..image },
        Image { planar: !planar, ..image },
        Image { white: white + 1, ..image },
    ];
    let digest = |image| {
        let mut statement = run.statement.clone();
        statement.data.image = image;
        statement.digest()
    };
    let digests: BTreeSet<[u8; 32]> = others.map(Some).into_iter().chain([Some(image), None]).map(digest).collect();
    assert_eq!(digests.len(), 7);
}

/// Where weights come from: every kind, and every value in one, has an encoding of its own. A kind more does not compile.
#[test]
fn every_start_is_another_statement() {
    let run = Run::new(&SMALL(), 17);
    let rows = run.statement.end.clone();
    let committed = |origin, rows: &[[u8; 32]]| Start::Committed { origin, rows: rows.to_vec() };
    let mut other = rows.clone();
    other[0][3] ^= 1;
    let mut starts = vec![Start::Seed];
    for bits in [16, 32, 64] {
        starts.push(committed(Origin::Named { bits }, &rows));
    }
    starts.extend([
        committed(Origin::Seed, &rows),
        committed(Origin::Seed, &other),
        committed(Origin::Seed, &rows[1..]),
    ]);
    for start in &starts {
        match start {
            Start::Seed | Start::Committed { origin: Origin::Seed | Origin::Named { bits: _ }, rows: _ } => (),
        }
    }
    let digest = |start: &Start| Statement { start: start.clone(), ..run.statement.clone() }.digest();
    assert_eq!(starts.iter().map(digest).collect::<BTreeSet<_>>().len(), starts.len());
}

/// Every byte of a statement's encoding, with a proof that names the changed one.
#[test]
fn every_byte_of_a_statement_counts() {
    let Proven { run, proof } = proven(&SMALL());
    let bytes = run.statement.encode();
    (0..bytes.len()).into_par_iter().for_each(|place| {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        let Ok(statement) = Statement::decode(&changed) else { return };
        assert_eq!(statement.encode(), changed, "byte {place}");
        let renamed = Proof { statement: statement.digest(), ..proof.clone() };
        assert!(verify(&statement, &run.points, &renamed, &Limits::default(), generators()).is_err(), "byte {place}");
    });
}

/// Of a later window.
pub(crate) fn later(rows: Vec<[u8; 32]>) -> Start {
    Start::Committed { origin: Origin::Seed, rows }
}

/// Catalogue 19-26, 28, 32.
#[test]
fn every_public_value_is_bound() {
    rejects_every_change(&SMALL(), CHANGES);
    rejects_every_change(&SMALL(), &[("kind of start", |s| s.start = later(s.end.clone()))]);
    let committed: &[Change] = &[
        ("kind of start", |s| s.start = Start::Seed),
        ("start weights row", |s| {
            let end = s.end[0];
            if let Start::Committed { rows, .. } = &mut s.start {
                rows[0] = end;
            }
        }),
        ("earlier first step", |s| s.first_step -= 1),
        ("origin", |s| {
            s.start = Start::Committed { origin: Origin::Named { bits: 16 }, rows: s.start.rows().to_vec() }
        }),
    ];
    rejects_every_change(&Sizes { first_step: 4, ..SMALL() }, committed);
    let named: &[Change] = &[
        ("kind of start", |s| s.start = Start::Seed),
        ("origin", |s| s.start = later(s.start.rows().to_vec())),
        ("bits of start weights", |s| {
            s.start = Start::Committed { origin: Origin::Named { bits: 64 }, rows: s.start.rows().to_vec() };
        }),
        ("start weights row", |s| {
            let end = s.end[0];
            if let Start::Committed { rows, .. } = &mut s.start {
                rows[0] = end;
            }
        }),
        ("later first step", |s| s.first_step += 1),
    ];
    rejects_every_change(&NAMED(), named);
}

/// Catalogue 27, 42: another list of points, even with the root that belongs to it.
#[test]
fn point_commitments_are_bound() {
    let Proven { run, proof } = proven(&SMALL());
    let mut swapped = run.points.clone();
    swapped.0.swap(0, 1);
    let error = verify(&run.statement, &swapped, &proof, &Limits::default(), generators()).unwrap_err();
    assert!(matches!(error, VerifyError::Merkle { .. }));
    let mut statement = run.statement.clone();
    statement.data.root = swapped.root(&statement.data).unwrap();
    let renamed = Proof { statement: statement.digest(), ..proof };
    assert!(verify(&statement, &swapped, &renamed, &Limits::default(), generators()).is_err());
    assert!(verify(&run.statement, &PointCommitments(Vec::new()), &renamed, &Limits::default(), generators()).is_err());
}

/// Catalogue 26: one data root is one data set: number, shape and ranges belong to it.
#[test]
fn the_data_root_binds_the_descriptor() {
    let Proven { run, proof } = proven(&SMALL());
    let changes: &[Change] = &[
        ("a feature read as a class", |s| {
            widen(s, -1);
            s.data.classes += 1;
        }),
        ("wider range", |s| s.data.columns[0].quantiser.max += 1),
        ("lower range", |s| s.data.columns[0].quantiser.min -= 1),
        ("other quantiser", |s| s.data.columns[0].quantiser.scale = 0.5),
        ("near-duplicates", |s| s.data.near = 9),
        ("other scale", |s| s.data.fraction_bits += 1),
    ];
    for (name, change) in changes {
        let mut statement = run.statement.clone();
        change(&mut statement);
        let renamed = Proof { statement: statement.digest(), ..proof.clone() };
        let error = verify(&statement, &run.points, &renamed, &Limits::default(), generators()).unwrap_err();
        assert!(matches!(error, VerifyError::Merkle { .. }), "{name}: {error:?}");
    }
}

/// Catalogue 35: the proof of another run of the same shape.
#[test]
fn a_proof_of_another_run_is_rejected() {
    let first = proven(&SMALL());
    let other = Run::new(&SMALL(), 18);
    let moved = Proof { statement: other.statement.digest(), ..first.proof };
    assert!(verify(&other.statement, &other.points, &moved, &Limits::default(), generators()).is_err());
}

/// Catalogue 6, 7: encodings that are no points, in the statement and in the data.
#[test]
fn bad_points_are_named() {
    let Proven { run, proof } = proven(&SMALL());
    for bad in [[0u8; 32], [0xff; 32]] {
        let mut statement = run.statement.clone();
        statement.end[1] = bad;
        let renamed = Proof { statement: statement.digest(), ..proof.clone() };
        let error = verify(&statement, &run.points, &renamed, &Limits::default(), generators()).unwrap_err();
        assert!(matches!(error, VerifyError::BadPoint { role: "final weights", index: 1, .. }), "{error:?}");
        let mut points = run.points.clone();
        points.0[2] = bad;
        let mut statement = run.statement.clone();
        statement.data.root = points.root(&statement.data).unwrap();
        let renamed = Proof { statement: statement.digest(), ..proof.clone() };
        let error = verify(&statement, &points, &renamed, &Limits::default(), generators()).unwrap_err();
        assert!(matches!(error, VerifyError::BadPoint { role: "data point", index: 2, .. }), "{error:?}");
    }
}

/// Catalogue 114: a machine that repeats its randomness does not repeat blinds under other rows.
#[test]
fn repeated_entropy_gives_other_rows_other_blinds() {
    let g = generators().first(8);
    let points = |features: &[i32]| commit_points(&g, features, &[0, 1], 2, &mut Counter(3)).unwrap().blinds.to_vec();
    let (one, other) = (points(&[1, 2, 3, 4]), points(&[1, 2, 3, 5]));
    assert_eq!(one, points(&[1, 2, 3, 4]));
    assert!(one.iter().zip(&other).all(|(a, b)| a != b));
}

/// Catalogue 107, 115: two proofs of one statement share no message, and have the same length.
#[test]
fn two_proofs_share_no_group_element_and_no_scalar() {
    let Proven { run, proof } = proven(&SMALL());
    let other = prove(&run.statement, run.input(), generators(), &mut |_| ()).unwrap();
    assert_eq!(proof.body.len(), other.body.len());
    let messages = |proof: &Proof| proof.body.chunks(32).map(<[u8]>::to_vec).collect::<std::collections::HashSet<_>>();
    assert_eq!(messages(&proof).len(), proof.body.len() / 32, "all messages differ within a proof");
    assert!(messages(&proof).is_disjoint(&messages(&other)));
}

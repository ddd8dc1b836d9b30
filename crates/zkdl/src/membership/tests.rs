//! Honest, cheating and edited answers (catalogue 95, 96, 98, 101, 103, 105).

use super::*;
use crate::codec::FormatError;
use crate::query::support::{Owner, Stuck, generators};
use zkdl_commit::msm::msm;
use zkdl_field::group;
use zkdl_transcript::ReadError;

fn answer(owner: &Owner, question: &Question) -> MemberAnswer {
    prove(question, owner.set(), &owner.points, &owner.tree, generators()).unwrap()
}

/// An answer about row `index`, whatever it holds.
fn claim(owner: &Owner, question: &Question, index: u32) -> MemberAnswer {
    let points = (&owner.points, &owner.tree);
    prove_at(question, index, owner.set(), points, generators(), &mut Stuck).unwrap()
}

fn check(question: &Question, answer: &MemberAnswer) -> Result<(), VerifyError> {
    verify(question, &MemberAnswer::decode(&answer.encode()).unwrap(), generators())
}

#[test]
fn every_member_of_every_set_is_found() {
    for points in [1, 2, 3, 5, 8, 13] {
        let owner = Owner::new(points, 5, 3);
        for i in 0..points {
            for label in [None, Some(owner.labels[i])] {
                let question = owner.question(vec![Query { label, ..owner.member(i) }]);
                let answer = answer(&owner, &question);
                assert_eq!(answer.index as usize, i);
                assert_eq!(check(&question, &answer), Ok(()));
            }
        }
    }
}

#[test]
fn strangers_are_not_members() {
    let mut owner = Owner::new(9, 5, 3);
    let query = owner.strangers(1).remove(0);
    assert_eq!(find(&owner.features, &owner.labels, &query), None);
    let question = owner.question(vec![query]);
    let refused = prove(&question, owner.set(), &owner.points, &owner.tree, generators());
    assert_eq!(refused, Err(ProveError::NotMember));
    // The first of several equal rows, and only with the right label.
    let twice = Owner::of(vec![1, 2, 3, 4, 1, 2], vec![1, 0, 0], 2, (0, 9));
    let with = |label| find(&twice.features, &twice.labels, &Query { features: vec![1, 2], label });
    assert_eq!([with(None), with(Some(1)), with(Some(0)), with(Some(7))], [Some(0), Some(0), Some(2), None]);
    assert_eq!(find(&[], &[], &Query { features: Vec::new(), label: None }), None);
    assert_eq!(find(&[1], &[0], &Query { features: vec![1, 2], label: None }), None);
}

/// Catalogue 96: off by one in one coordinate, another row, the difference moved into label or slack columns.
#[test]
fn another_point_is_not_a_member() {
    let owner = Owner::new(6, 5, 3);
    for column in 0..5 {
        let mut query = owner.member(2);
        query.features[column] = (query.features[column] + 4) % 17 - 3;
        let question = owner.question(vec![query]);
        assert_eq!(check(&question, &claim(&owner, &question, 2)), Err(VerifyError::Membership), "column {column}");
    }
    let question = owner.question(vec![owner.member(2)]);
    for other in [0, 1, 3, 5] {
        assert_eq!(check(&question, &claim(&owner, &question, other)), Err(VerifyError::Membership), "row {other}");
    }
    let honest = answer(&owner, &question);
    for other in [0, 1, 3, 5, 6, u32::MAX] {
        let moved = check(&question, &MemberAnswer { index: other, ..honest.clone() }).unwrap_err();
        assert!(matches!(moved, VerifyError::Merkle { .. } | VerifyError::Path(_)), "{moved:?}");
    }
}

/// Catalogue 96: a row that is the query up to a multiple of a label column is a member without label (its labels are
/// the matter of the proof of the data), never with one; up to a slack column it is none.
#[test]
fn differences_do_not_hide_in_other_columns() {
    let honest = Owner::new(4, 5, 2);
    let g = generators().first(8);
    let twisted = |column: usize| {
        let mut rows = honest.points.0.clone();
        let row = group::decode(&rows[1]).unwrap();
        rows[1] = group::encode(&group::affine(&(g.columns[column] * Scalar::from(5) + row)));
        let (features, labels) = (honest.features.clone(), honest.labels.clone());
        Owner::with_rows(honest.data.clone(), features, labels, honest.blinds.clone(), rows)
    };
    for column in 0..8 {
        let owner = twisted(column);
        let question = owner.question(vec![owner.member(1)]);
        let mut answer = claim(&owner, &question, 1);
        assert_eq!(check(&question, &answer), Err(VerifyError::Membership), "column {column}");
        // The prover knows the whole row: it can say so in the label columns, and nowhere else.
        let digest = question.digest(PROTOCOL, &answer.place());
        let blinds = BlindSource::new(&mut Stuck, &[]).unwrap();
        let mut channel = ProofWriter::new(Sender::new(PROTOCOL, &digest), &g, blinds);
        let mut labels: Vec<Scalar> = one_hot(owner.labels[1], 2).collect();
        if let Some(label) = labels.get_mut(column.wrapping_sub(5)) {
            *label += Scalar::from(5);
        }
        let public = public_part(&question, &question.queries[0]);
        representation::prove(&mut channel, &public, &labels, &owner.blinds[1]);
        answer.body = channel.sender.finish();
        let expected = if (5..7).contains(&column) { Ok(()) } else { Err(VerifyError::Membership) };
        assert_eq!(check(&question, &answer), expected, "column {column}");
        let labelled = owner.question(vec![Query { label: Some(owner.labels[1]), ..owner.member(1) }]);
        assert_eq!(check(&labelled, &claim(&owner, &labelled, 1)), Err(VerifyError::Membership));
    }
}

/// A prover that answers with a mask of its own in the span of slack or of a public column.
#[test]
fn the_first_message_cannot_carry_the_difference() {
    let owner = Owner::new(4, 5, 2);
    let g = generators().first(8);
    let mut query = owner.member(1);
    query.features[0] = (query.features[0] + 4) % 17 - 3;
    let question = owner.question(vec![query.clone()]);
    let mut answer = claim(&owner, &question, 1);
    let difference = from_i64(i64::from(owner.member(1).features[0] - query.features[0]));
    for guess in 0..4 {
        // T is solved for a guessed challenge: what a simulator does, and fails with a live one.
        let e = Scalar::from(guess);
        let t = g.columns[0] * (-e * difference) + g.blind * Scalar::from(3) + msm(&g.columns[5..7], &[e, e]);
        answer.body[..32].copy_from_slice(&group::encode(&group::affine(&t)));
        assert_eq!(check(&question, &answer), Err(VerifyError::Membership));
    }
}

/// Catalogue 98: with another label a point is no member, without one it is.
#[test]
fn flipped_labels() {
    let owner = Owner::new(5, 4, 3);
    let flipped = Query { label: Some((owner.labels[3] + 1) % 3), ..owner.member(3) };
    let question = owner.question(vec![flipped]);
    assert_eq!(check(&question, &claim(&owner, &question, 3)), Err(VerifyError::Membership));
    let question = owner.question(vec![owner.member(3)]);
    assert_eq!(check(&question, &answer(&owner, &question)), Ok(()));
}

type Change = (&'static str, fn(&mut Question));

/// Catalogue 96, 103: the answer to another question, and its messages in an answer to this one.
#[test]
fn answers_are_not_reused() {
    let owner = Owner::new(6, 5, 3);
    let question = owner.question(vec![owner.member(4)]);
    let honest = answer(&owner, &question);
    let changes: &[Change] = &[
        ("nonce", |q| q.nonce[7] ^= 1),
        ("training statement", |q| q.context = None),
        ("training statement", |q| q.context = Some([1; 32])),
        ("data set", |q| q.data.fraction_bits = 1),
        ("data set", |q| q.data.root[0] ^= 1),
        ("query", |q| q.queries[0].features[1] = (q.queries[0].features[1] + 4) % 17 - 3),
        ("query", |q| q.queries[0].label = Some(0)),
    ];
    for (what, change) in changes {
        let mut other = question.clone();
        change(&mut other);
        assert_eq!(check(&other, &honest), Err(VerifyError::Answer { what }));
        let renamed = MemberAnswer { question: other.clone(), ..honest.clone() };
        let error = check(&other, &renamed).unwrap_err();
        let data_changed = *what == "data set";
        assert_eq!(matches!(error, VerifyError::Merkle { .. }), data_changed, "{what}: {error:?}");
        let false_answer = matches!(error, VerifyError::Membership | VerifyError::Read(_));
        assert_eq!(false_answer, !data_changed, "{what}: {error:?}");
    }
    let two = owner.question(vec![owner.member(4), owner.member(3)]);
    let error = QueryError::Count { got: 2, limit: 1 };
    assert_eq!(check(&two, &honest), Err(VerifyError::Query(error)));
}

/// Catalogue 95: paths of another length, and of another tree.
#[test]
fn paths_belong_to_the_data_set() {
    let owner = Owner::new(6, 5, 3);
    let question = owner.question(vec![owner.member(4)]);
    let honest = answer(&owner, &question);
    let with_path = |path: Vec<[u8; 32]>| check(&question, &MemberAnswer { path, ..honest.clone() }).unwrap_err();
    assert!(matches!(with_path([&honest.path[..], &[[0; 32]]].concat()), VerifyError::Path(_)));
    assert!(matches!(with_path(honest.path[1..].to_vec()), VerifyError::Path(_)));
    assert!(matches!(with_path(owner.tree.path(2).unwrap()), VerifyError::Path(_)));
    let mut changed = honest.path.clone();
    changed[0][0] ^= 1;
    assert!(matches!(with_path(changed), VerifyError::Merkle { .. }));
    let swapped = MemberAnswer { commitment: owner.points.0[5], ..honest.clone() };
    assert!(matches!(check(&question, &swapped), Err(VerifyError::Merkle { .. })));
}

/// Catalogue 1, 16, 17: every bit flip and every truncation.
#[test]
fn edited_answers_are_rejected() {
    let owner = Owner::new(3, 2, 2);
    let question = owner.question(vec![owner.member(1)]);
    let bytes = answer(&owner, &question).encode();
    let read = |bytes: &[u8]| verify(&question, &MemberAnswer::decode(bytes)?, generators());
    assert_eq!(read(&bytes), Ok(()));
    assert_eq!(MemberAnswer::decode(&bytes).unwrap().encode(), bytes);
    let flip = |bit: &usize| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        read(&bytes).is_ok()
    };
    assert_eq!((0..8 * bytes.len()).into_par_iter().filter(flip).collect::<Vec<_>>(), Vec::<usize>::new());
    for end in 0..bytes.len() {
        assert!(matches!(read(&bytes[..end]), Err(VerifyError::Format(_))), "{end}");
    }
    let trailing = read(&[&bytes[..], &[0]].concat()).unwrap_err();
    assert!(matches!(trailing, VerifyError::Format(FormatError::Trailing { bytes: 1, .. })));
    let mut answer = MemberAnswer::decode(&bytes).unwrap();
    answer.body.push(0);
    assert_eq!(check(&question, &answer), Err(VerifyError::Read(ReadError::Trailing { bytes: 1 })));
    answer.body.truncate(40);
    assert!(matches!(check(&question, &answer), Err(VerifyError::Read(ReadError::Truncated { .. }))));
}

/// Catalogue 116: lengths follow from the question, and two answers share no message, however bad the randomness.
#[test]
fn answers_tell_nothing_else() {
    let owner = Owner::new(6, 5, 3);
    let question = owner.question(vec![owner.member(4)]);
    let (one, other) = (answer(&owner, &question), answer(&owner, &question));
    let messages = |body: &[u8]| body.chunks(32).map(<[u8]>::to_vec).collect::<std::collections::HashSet<_>>();
    assert_eq!(one.body.len(), 32 * (1 + 3 + 1));
    assert_eq!(other.body.len(), one.body.len());
    assert!(messages(&one.body).is_disjoint(&messages(&other.body)));
    let again = Question { nonce: [1; 32], ..question.clone() };
    let (one, other) = (claim(&owner, &question, 4), claim(&owner, &again, 4));
    assert!(messages(&one.body).is_disjoint(&messages(&other.body)));
}

//! Honest, cheating and edited answers (catalogue 97 to 103, 116).

use super::*;
use crate::answer::MemberAnswer;
use crate::codec::FormatError;
use crate::membership;
use crate::query::Query;
use crate::query::support::{Owner, Stuck, generators};
use rayon::prelude::*;
use zkdl_field::Field;
use zkdl_field::scalar::random;
use zkdl_transcript::ReadError;

fn answer(owner: &Owner, question: &Question) -> AbsentAnswer {
    prove(question, owner.set(), generators()).unwrap()
}

fn check(owner: &Owner, question: &Question, answer: &AbsentAnswer) -> Result<(), VerifyError> {
    verify(question, &AbsentAnswer::decode(&answer.encode()).unwrap(), &owner.points, generators())
}

/// Inverses where there are some, `forced` where there are none.
fn with_forced(m: &[Scalar], fingerprints: &Fingerprints, forced: impl Fn() -> Scalar) -> Vec<Zeroizing<Vec<Scalar>>> {
    let inverse = |group: &Vec<Scalar>, m: &Scalar| {
        let product: Scalar = group.iter().map(|q| q - m).product();
        Option::from(product.invert()).unwrap_or_else(&forced)
    };
    fingerprints.groups().iter().map(|group| Zeroizing::new(m.iter().map(|m| inverse(group, m)).collect())).collect()
}

/// What a prover without conscience says of this data, and what the verifier says of it.
fn lie(owner: &Owner, data: DataSet<'_>, question: &Question, forced: &dyn Fn() -> Scalar) -> Result<(), VerifyError> {
    let lie = |m: &[Scalar], fingerprints: &Fingerprints| Ok(with_forced(m, fingerprints, forced));
    let answer = prove_with(question, data, generators(), &mut OsEntropy, lie).unwrap();
    check(owner, question, &answer)
}

const FALSE: Result<(), VerifyError> = Err(VerifyError::Product { which: "absence" });

#[test]
fn strangers_are_absent_from_sets_of_every_size() {
    for points in [1, 2, 3, 5, 8, 13, 100] {
        let mut owner = Owner::new(points, 5, 3);
        let queries = owner.strangers(1);
        let question = owner.question(queries);
        assert_eq!(check(&owner, &question, &answer(&owner, &question)), Ok(()), "{points} points");
    }
}

#[test]
fn batches_of_every_size() {
    for points in [1, 6, 37] {
        let mut owner = Owner::new(points, 3, 2);
        for queries in [1, 2, 7, 8, 9, 17] {
            let mut queries = owner.strangers(queries);
            let question = owner.question(queries.clone());
            assert_eq!(check(&owner, &question, &answer(&owner, &question)), Ok(()));
            queries.iter_mut().for_each(|query| query.label = Some(1));
            let question = owner.question(queries);
            assert_eq!(check(&owner, &question, &answer(&owner, &question)), Ok(()));
        }
    }
    // The same stranger twice, more columns than a row of data needs, and rows of inverses that end early.
    let mut owner = Owner::new(300, 2, 2);
    let stranger = owner.strangers(1).remove(0);
    let question = owner.question(vec![stranger; 40]);
    assert!(statement(&question).total_rows() > 300 + 5, "several rows a group");
    assert_eq!(check(&owner, &question, &answer(&owner, &question)), Ok(()));
}

/// Points that a small data set makes special: the first, the last, a zero row, two equal rows.
fn special() -> Owner {
    let features = [vec![3, 1], vec![0, 0], vec![5, 5], vec![2, 7], vec![5, 5], vec![9, 4]].concat();
    Owner::of(features, vec![0, 1, 1, 0, 0, 1], 2, (0, 9))
}

/// Catalogue 97: no member is proven absent, whatever its inverse is said to be.
#[test]
fn no_member_is_absent() {
    let owner = special();
    for i in 0..6 {
        let alone = owner.question(vec![owner.member(i)]);
        assert_eq!(prove(&alone, owner.set(), generators()), Err(ProveError::Member));
        let stranger = Query { features: vec![1, 1], label: None };
        let among = owner.question([vec![stranger; 9], vec![owner.member(i)]].concat());
        assert_eq!(prove(&among, owner.set(), generators()), Err(ProveError::Member));
        for forced in [Scalar::ZERO, Scalar::ONE, random().unwrap()] {
            assert_eq!(lie(&owner, owner.set(), &alone, &|| forced), FALSE, "member {i}");
            assert_eq!(lie(&owner, owner.set(), &among, &|| forced), FALSE, "member {i}");
        }
    }
}

/// Catalogue 98: a member with another label is a member, and absent only with that label.
#[test]
fn labels_count_if_asked_for() {
    let owner = special();
    let with = |label| owner.question(vec![Query { label, ..owner.member(0) }]);
    assert_eq!(prove(&with(None), owner.set(), generators()), Err(ProveError::Member));
    assert_eq!(prove(&with(Some(0)), owner.set(), generators()), Err(ProveError::Member));
    assert_eq!(check(&owner, &with(Some(1)), &answer(&owner, &with(Some(1)))), Ok(()));
    // The set says another label than the rows commit to.
    let labels = vec![1; 6];
    let relabelled = DataSet { labels: &labels, ..owner.set() };
    assert_eq!(lie(&owner, relabelled, &with(Some(0)), &|| Scalar::ZERO), Err(VerifyError::Opening));
    assert_eq!(lie(&owner, relabelled, &with(None), &|| Scalar::ZERO), FALSE);
}

/// Catalogue 98: a row with anything in its slack columns is no row of data.
#[test]
fn junk_in_slack_columns_is_found() {
    let mut owner = Owner::new(4, 5, 2);
    let g = generators().first(8);
    let row = zkdl_field::group::decode(&owner.points.0[2]).unwrap();
    let mut rows = owner.points.0.clone();
    rows[2] = zkdl_field::group::encode(&zkdl_field::group::affine(&(g.columns[7] * Scalar::from(3) + row)));
    let queries = owner.strangers(1);
    let junk =
        Owner::with_rows(owner.data.clone(), owner.features.clone(), owner.labels.clone(), owner.blinds.clone(), rows);
    let question = junk.question(queries);
    assert_eq!(check(&junk, &question, &answer(&junk, &question)), Err(VerifyError::Opening));
}

/// Catalogue 99: the last row left out, rows in another order, other rows, another root.
#[test]
fn all_rows_and_only_these() {
    let owner = special();
    let last = owner.question(vec![owner.member(5)]);
    // The last row's inverse is 0, as if the row were not there; or the row is replaced by a stranger.
    assert_eq!(lie(&owner, owner.set(), &last, &|| Scalar::ZERO), FALSE);
    let mut features = owner.features.clone();
    features[10] = 8;
    let replaced = DataSet { features: &features, ..owner.set() };
    assert_eq!(lie(&owner, replaced, &last, &|| Scalar::ZERO), Err(VerifyError::Opening));
    let stranger = owner.question(vec![Query { features: vec![1, 1], label: None }]);
    let mut permuted = owner.features.clone();
    permuted.swap(0, 2);
    permuted.swap(1, 3);
    let permuted = DataSet { features: &permuted, ..owner.set() };
    assert_eq!(lie(&owner, permuted, &stranger, &|| Scalar::ZERO), Err(VerifyError::Opening));
    // One point fewer: another descriptor, and other commitments than the verifier has.
    let fewer = Owner::of(owner.features[..10].to_vec(), owner.labels[..5].to_vec(), 2, (0, 9));
    let other = fewer.question(last.queries.clone());
    let honest = answer(&fewer, &other);
    assert_eq!(check(&fewer, &other, &honest), Ok(()));
    assert_eq!(check(&owner, &last, &honest), Err(VerifyError::Answer { what: "data set" }));
    assert!(matches!(check(&owner, &other, &honest), Err(VerifyError::Merkle { .. })));
    let renamed = AbsentAnswer { question: last.clone(), ..honest };
    assert!(check(&owner, &last, &renamed).is_err());
}

/// Catalogue 100: inverses of rows that do not exist cannot stand for one that does.
#[test]
fn virtual_rows_carry_nothing() {
    let owner = special();
    let question = owner.question(vec![owner.member(1)]);
    let prove = |at: usize, value: Scalar| {
        let lie = |m: &[Scalar], fingerprints: &Fingerprints| {
            let mut w = with_forced(m, fingerprints, || Scalar::ZERO);
            w[0].resize(8, Scalar::ZERO);
            w[0][at] = value;
            Ok(w)
        };
        prove_with(&question, owner.set(), generators(), &mut OsEntropy, lie).unwrap()
    };
    for at in [6, 7] {
        for value in [Scalar::ONE, random().unwrap()] {
            assert_eq!(check(&owner, &question, &prove(at, value)), FALSE);
        }
    }
    // Beyond the cube, where the columns of the row are slack.
    let stranger = owner.question(vec![Query { features: vec![1, 1], label: None }]);
    let lie = |m: &[Scalar], fingerprints: &Fingerprints| {
        let mut w = with_forced(m, fingerprints, || Scalar::ZERO);
        w[0].resize(9, Scalar::ZERO);
        w[0][8] = Scalar::ONE;
        Ok(w)
    };
    assert!(1 << statement(&stranger).log_columns() > 8);
    let answer = prove_with(&stranger, owner.set(), generators(), &mut OsEntropy, lie).unwrap();
    assert_eq!(check(&owner, &stranger, &answer), Err(VerifyError::Opening));
}

/// Catalogue 102: a stranger with the fingerprint of a member under a challenge that is known in advance. With rho = 3,
/// (5, 7) and (8, 6) collide: 3 * 5 + 9 * 7 = 3 * 8 + 9 * 6. A fixed rho would make the stranger look like a member, or hide
/// that a row was replaced; the challenge of an answer comes after the question.
#[test]
fn collisions_of_a_stale_challenge_are_of_no_use() {
    let rho = Scalar::from(3);
    let (member, stranger) = ([5, 7], [8, 6]);
    let fingerprint = |x: [i32; 2]| {
        let owner = Owner::of(x.to_vec(), vec![0], 1, (0, 9));
        let question = owner.question(vec![Query { features: x.to_vec(), label: None }]);
        Fingerprints::new(&statement(&question), rho).groups()[0][0]
    };
    assert_eq!(fingerprint(member), fingerprint(stranger));
    let owner = Owner::of([[1, 2], member, [3, 3]].concat(), vec![0, 1, 0], 2, (0, 9));
    let question = owner.question(vec![Query { features: stranger.to_vec(), label: None }]);
    assert_eq!(check(&owner, &question, &answer(&owner, &question)), Ok(()));
    let claim = |question| membership::prove(question, owner.set(), &owner.points, &owner.tree, generators());
    assert_eq!(claim(&question), Err(ProveError::NotMember));
    let asked = owner.question(vec![owner.member(1)]);
    let renamed = MemberAnswer { question: question.clone(), ..claim(&asked).unwrap() };
    assert_eq!(membership::verify(&question, &renamed, generators()), Err(VerifyError::Membership));
    // The row replaced by what collides with it: the live challenge tells them apart.
    let features = [[1, 2], stranger, [3, 3]].concat();
    let replaced = DataSet { features: &features, ..owner.set() };
    assert_eq!(lie(&owner, replaced, &asked, &|| Scalar::ZERO), Err(VerifyError::Opening));
}

type Change = (&'static str, fn(&mut Question));

/// Catalogue 96, 103: the answer to another question, and its messages in an answer to this one.
#[test]
fn answers_are_not_reused() {
    let owner = special();
    let question = owner.question(vec![Query { features: vec![1, 1], label: None }]);
    let honest = answer(&owner, &question);
    let changes: &[Change] = &[
        ("nonce", |q| q.nonce[0] ^= 1),
        ("training statement", |q| q.context = None),
        ("data set", |q| q.data.root[9] ^= 1),
        ("data set", |q| q.data.points += 1),
        ("query", |q| q.queries[0].features[0] = 0),
        ("query", |q| q.queries[0].label = Some(1)),
        ("query", |q| q.queries.push(q.queries[0].clone())),
    ];
    for (what, change) in changes {
        let mut other = question.clone();
        change(&mut other);
        assert_eq!(check(&owner, &other, &honest), Err(VerifyError::Answer { what }));
        let renamed = AbsentAnswer { question: other.clone(), ..honest.clone() };
        let error = check(&owner, &other, &renamed).unwrap_err();
        assert_eq!(matches!(error, VerifyError::Merkle { .. }), *what == "data set", "{what}: {error:?}");
    }
    let mut other = question.clone();
    other.queries[0].features[1] = 10;
    assert!(matches!(check(&owner, &other, &honest), Err(VerifyError::Query(_))));
    assert!(matches!(prove(&other, owner.set(), generators()), Err(ProveError::Query(_))));
    let features = &owner.features[..10];
    let short = prove(&question, DataSet { features, ..owner.set() }, generators());
    assert!(matches!(short, Err(ProveError::Witness { what: "the number of feature values", .. })));
}

/// Catalogue 1, 16, 17: every bit flip and every truncation.
#[test]
fn edited_answers_are_rejected() {
    let owner = Owner::of(vec![4, 2, 7], vec![0, 1, 0], 2, (0, 9));
    let question = owner.question(vec![Query { features: vec![5], label: None }]);
    let bytes = answer(&owner, &question).encode();
    let read = |bytes: &[u8]| verify(&question, &AbsentAnswer::decode(bytes)?, &owner.points, generators());
    assert_eq!(read(&bytes), Ok(()));
    assert_eq!(AbsentAnswer::decode(&bytes).unwrap().encode(), bytes);
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
    let honest = AbsentAnswer::decode(&bytes).unwrap();
    for end in 0..honest.body.len() {
        let cut = AbsentAnswer { body: honest.body[..end].to_vec(), ..honest.clone() };
        assert!(matches!(check(&owner, &question, &cut), Err(VerifyError::Read(ReadError::Truncated { .. }))), "{end}");
    }
    let longer = AbsentAnswer { body: [&honest.body[..], &[0; 32]].concat(), ..honest };
    let error = VerifyError::Read(ReadError::Trailing { bytes: 32 });
    assert_eq!(check(&owner, &question, &longer), Err(error));
}

/// Catalogue 116: answers have one length whatever data and queries are, and no message in common.
#[test]
fn answers_tell_nothing_else() {
    let messages = |body: &[u8]| body.chunks(32).map(<[u8]>::to_vec).collect::<std::collections::HashSet<_>>();
    let mut owner = Owner::new(13, 4, 3);
    let queries = owner.strangers(12);
    let question = owner.question(queries[..9].to_vec());
    let (one, other) = (answer(&owner, &question), answer(&owner, &question));
    assert_eq!(messages(&one.body).len(), one.body.len() / 32, "all messages differ within an answer");
    assert!(messages(&one.body).is_disjoint(&messages(&other.body)));
    let mut rows = owner.features.clone();
    for turn in 0..4 {
        rows.rotate_left(4 * turn);
        let permuted = Owner::of(rows.clone(), owner.labels.clone(), 3, (-3, 13));
        let answer = answer(&permuted, &permuted.question(queries[turn % 3..turn % 3 + 9].to_vec()));
        assert_eq!(answer.body.len(), one.body.len());
        assert!(messages(&answer.body).is_disjoint(&messages(&one.body)));
    }
    // Randomness that repeats itself: other questions and other data get other blinds.
    let stuck = |owner: &Owner, question: &Question| {
        prove_with(question, owner.set(), generators(), &mut Stuck, honest).unwrap().body
    };
    let again = Question { nonce: [1; 32], ..question.clone() };
    assert!(messages(&stuck(&owner, &question)).is_disjoint(&messages(&stuck(&owner, &again))));
}

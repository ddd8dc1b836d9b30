//! Answers about near-duplicates against plain distances; lies; edited answers.

use super::*;
use crate::absence;
use crate::flips::telling_bits;
use crate::query::support::{Owner, Stuck, generators};
use crate::query::{Query, QueryError};
use std::sync::LazyLock;
use zkdl_arguments::near::distance;
use zkdl_commit::blinds::OsEntropy;

/// An owner whose data set fixes a distance.
fn with_distance(owner: Owner, near: u64) -> Owner {
    owner.described(|data| data.near = near)
}

fn ask(owner: &Owner, queries: Vec<Query>) -> Question {
    Question { within: true, ..owner.question(queries) }
}

fn at(features: &[i32]) -> Query {
    Query { features: features.to_vec(), label: None }
}

fn check(owner: &Owner, question: &Question, answer: &AbsentAnswer) -> Result<(), VerifyError> {
    absence::verify(question, &AbsentAnswer::decode(&answer.encode()).unwrap(), &owner.points, generators())
}

fn nearest(owner: &Owner, query: &Query) -> u64 {
    let rows = owner.features.chunks(owner.data.features as usize);
    rows.map(|row| distance(row, &query.features)).min().unwrap()
}

/// Three points of which (4, 5) is the middle one.
fn small() -> Owner {
    with_distance(Owner::of(vec![0, 0, 4, 5, 9, 1], vec![0, 1, 1], 2, (0, 9)), 13)
}

#[test]
fn an_answer_is_given_exactly_where_every_point_is_farther() {
    for (points, features, near) in [(1, 1, 3), (2, 3, 40), (7, 5, 60), (33, 2, 1), (100, 4, 25)] {
        let mut owner = with_distance(Owner::new(points, features, 3), near);
        let (far, close): (Vec<_>, Vec<_>) =
            owner.strangers(24).into_iter().partition(|query| nearest(&owner, query) > near);
        assert!(!far.is_empty(), "{points} points");
        for queries in [far[..1].to_vec(), far.clone()] {
            let question = ask(&owner, queries);
            let answer = absence::prove(&question, owner.set(), generators()).unwrap();
            assert_eq!(check(&owner, &question, &answer), Ok(()), "{points} points");
        }
        for query in close.into_iter().chain([owner.member(0)]) {
            let question = ask(&owner, [&far[..1], &[query]].concat());
            assert_eq!(absence::prove(&question, owner.set(), generators()), Err(ProveError::Near));
        }
    }
}

/// The distance itself is near, one more is not.
#[test]
fn the_threshold_belongs_to_the_near() {
    let owner = small();
    for (query, far) in [([2, 2], false), ([1, 3], false), ([2, 8], false), ([7, 8], true), ([0, 4], true)] {
        let question = ask(&owner, vec![at(&query)]);
        assert_eq!(nearest(&owner, &at(&query)) > 13, far, "{query:?}");
        assert_eq!(is_near(&owner.data, owner.set(), &query), !far, "{query:?}");
        match absence::prove(&question, owner.set(), generators()) {
            Ok(answer) => assert!(far && check(&owner, &question, &answer).is_ok(), "{query:?}"),
            Err(error) => assert!(!far && error == ProveError::Near, "{query:?}"),
        }
    }
}

/// Ends of wide ranges, where the bits of a cell are many and the last is used.
#[test]
fn corners_of_wide_ranges() {
    let end = (1 << 20) - 1;
    let owner = with_distance(Owner::of(vec![-end, -end, end, end], vec![0, 1], 2, (-end, end)), 1);
    for query in [[end, -end], [0, 0], [end - 1, end - 1]] {
        let question = ask(&owner, vec![at(&query)]);
        let answer = absence::prove(&question, owner.set(), generators()).unwrap();
        assert_eq!(check(&owner, &question, &answer), Ok(()), "{query:?}");
    }
    let question = ask(&owner, vec![at(&[end, end - 1])]);
    assert_eq!(absence::prove(&question, owner.set(), generators()), Err(ProveError::Near));
}

/// The answer of a prover who says these distances above the threshold, whatever the data.
fn lie(owner: &Owner, question: &Question, u: &[u64]) -> Result<(), VerifyError> {
    let claim = claim(question);
    let bytes = claim.cell_bytes();
    let cells: Vec<u8> = u.iter().flat_map(|u| u.to_le_bytes()[..bytes].to_vec()).collect();
    let answer = prove_cells(question, &claim, owner.set(), &cells, generators(), &mut OsEntropy).unwrap();
    check(owner, question, &answer)
}

fn true_distances(owner: &Owner, query: &[i32]) -> Vec<u64> {
    let above = |x: &[i32]| distance(x, query).wrapping_sub(owner.data.near + 1);
    owner.features.chunks(query.len()).map(above).collect()
}

/// Catalogue 97: a near point has no bits: neither those of another number nor those of the negative one modulo the size of a cell, nor with
/// padding of the cell in use.
#[test]
fn no_near_point_is_far() {
    let owner = small();
    let far = ask(&owner, vec![at(&[7, 8])]);
    assert_eq!(lie(&owner, &far, &true_distances(&owner, &[7, 8])), Ok(()), "the lie that is none");
    let query = [5, 5];
    let question = ask(&owner, vec![at(&query)]);
    // 162 - 14 takes 8 bits, a whole byte: there is no padding.
    assert_eq!(claim(&question).cell_bytes(), 1);
    let u = true_distances(&owner, &query);
    assert_eq!(u[1], 1u64.wrapping_sub(14));
    for forced in [0, 1, 13, 127, 255, u[1] & 255, u[1] & 127] {
        let lies = [u[0], forced, u[2]];
        assert_eq!(lie(&owner, &question, &lies), Err(VerifyError::Opening), "{forced}");
    }
}

/// Catalogue 72: bits of a cell that no distance needs are zero: otherwise 2^16 - 13 would be a distance above the threshold.
#[test]
fn padding_of_a_cell_stays_empty() {
    // At most 722 - 14: ten bits of sixteen.
    let owner = with_distance(Owner::of(vec![0, 0, 4, 5, 9, 1], vec![0, 1, 1], 2, (0, 19)), 13);
    let question = ask(&owner, vec![at(&[5, 5])]);
    assert_eq!(claim(&question).cell_bytes(), 2);
    let u = true_distances(&owner, &[5, 5]);
    for forced in [u[1] & 0xffff, u[1] & 0x3ff, 1 << 10, 1 << 15] {
        assert_eq!(lie(&owner, &question, &[u[0], forced, u[2]]), Err(VerifyError::Opening), "{forced}");
    }
}

/// Catalogue 99: data other than what is committed: moved away from the query, the bits fit, and the rows do not.
#[test]
fn distances_are_those_of_the_committed_points() {
    let owner = small();
    let question = ask(&owner, vec![at(&[5, 5])]);
    let moved = [0, 0, 0, 9, 9, 1];
    let set = DataSet { features: &moved, ..owner.set() };
    let answer = absence::prove(&question, set, generators()).unwrap();
    assert_eq!(check(&owner, &question, &answer), Err(VerifyError::Opening));
}

type Change = fn(&mut Question);

/// A question and an honest answer to it.
fn answered() -> &'static (Owner, Question, AbsentAnswer) {
    static ANSWERED: LazyLock<(Owner, Question, AbsentAnswer)> = LazyLock::new(|| {
        let owner = small();
        let question = ask(&owner, vec![at(&[7, 8]), at(&[0, 9])]);
        let answer = absence::prove(&question, owner.set(), generators()).unwrap();
        (owner, question, answer)
    });
    &ANSWERED
}

/// Catalogue 103.
#[test]
fn an_answer_answers_one_question() {
    let (owner, question, answer) = answered();
    let changes: [(&str, Change); 7] = [
        ("data set", |q| q.data.near -= 1),
        ("data set", |q| q.data.root[0] ^= 1),
        ("nonce", |q| q.nonce[0] ^= 1),
        ("training statement", |q| q.context = None),
        ("kind of nearness", |q| q.within = false),
        ("query", |q| q.queries[0].features[0] = 8),
        ("query", |q| q.queries.truncate(1)),
    ];
    for (what, change) in changes {
        let mut other = question.clone();
        change(&mut other);
        assert_eq!(check(owner, &other, answer), Err(VerifyError::Answer { what }));
        // Relabelled as an answer to the other question, it is none: the digest opens the transcript.
        let relabelled = AbsentAnswer { question: other.clone(), body: answer.body.clone() };
        let error = check(owner, &other, &relabelled).unwrap_err();
        assert!(
            matches!(
                error,
                VerifyError::Merkle { .. }
                    | VerifyError::Knowledge
                    | VerifyError::Product { .. }
                    | VerifyError::Read(_)
            ),
            "{what}: {error:?}"
        );
    }
}

#[test]
fn questions_without_answer_are_refused_on_both_sides() {
    let (owner, question, answer) = answered();
    let labelled: Change = |q| q.queries.iter_mut().for_each(|query| query.label = Some(1));
    let changes: [Change; 3] = [|q| q.data.near = 0, |q| q.data.near = 162, labelled];
    for change in changes {
        let mut other = question.clone();
        change(&mut other);
        assert!(matches!(absence::prove(&other, owner.set(), generators()), Err(ProveError::Query(_))));
        let answer = AbsentAnswer { question: other.clone(), body: answer.body.clone() };
        assert!(matches!(check(owner, &other, &answer), Err(VerifyError::Query(_))));
    }
    let one = Question { queries: vec![owner.member(0)], ..question.clone() };
    let error = crate::membership::prove(&one, owner.set(), &owner.points, &owner.tree, generators());
    assert!(matches!(error, Err(ProveError::Query(QueryError::Within { .. }))), "{error:?}");
}

/// Catalogue 1, 16: a bit flipped in every byte, and every truncation.
#[test]
fn edited_answers_are_refused() {
    let (owner, question, answer) = answered();
    let bytes = answer.encode();
    let read = |bytes: &[u8]| absence::verify(question, &AbsentAnswer::decode(bytes)?, &owner.points, generators());
    assert_eq!(read(&bytes), Ok(()));
    let flip = |bit: &usize| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        read(&bytes).is_ok()
    };
    let accepted = telling_bits(bytes.len(), answer.body.len()).into_par_iter().filter(flip);
    assert_eq!(accepted.collect::<Vec<_>>(), Vec::<usize>::new());
    for end in 0..bytes.len() {
        assert!(matches!(read(&bytes[..end]), Err(VerifyError::Format(_))), "{end}");
    }
    let judge = |body: Vec<u8>| check(owner, question, &AbsentAnswer { question: question.clone(), body });
    for end in 0..answer.body.len() {
        let cut = judge(answer.body[..end].to_vec());
        assert!(matches!(cut, Err(VerifyError::Read(ReadError::Truncated { .. }))), "{end}: {cut:?}");
    }
    assert!(judge([&answer.body[..], &[0]].concat()).is_err());
}

/// Rows of bits that have no room are missed before anything else is looked at.
#[test]
fn room_is_asked_for_first() {
    let (owner, question, answer) = answered();
    let of_length = |length: usize| {
        let body = answer.body[..length].to_vec();
        check(owner, question, &AbsentAnswer { question: question.clone(), body }).unwrap_err()
    };
    let first = |offset: usize| VerifyError::Read(ReadError::Truncated { offset, label: "near.row" });
    // One byte less than so many rows: reading would miss the last row where it begins.
    let missed = (1..).map(|rows| 32 * rows - 1).take_while(|length| of_length(*length) == first(*length));
    let rows = missed.count();
    assert_eq!(rows, claim(question).row_count());
    assert_ne!(of_length(32 * rows), first(32 * rows));
}

/// Repeated entropy gives other blinds for other questions, and the same bytes for the same one.
#[test]
fn blinds_depend_on_question_and_data() {
    let (owner, question, _) = answered();
    let make =
        |question: &Question, owner: &Owner| prove(question, owner.set(), generators(), &mut Stuck).unwrap().body;
    let first = make(question, owner);
    assert_eq!(first, make(question, owner));
    let again = Question { nonce: [1; 32], ..question.clone() };
    let shared = |a: &[u8], b: &[u8]| a.chunks(32).filter(|chunk| b.chunks(32).any(|other| other == *chunk)).count();
    assert_eq!(shared(&first, &make(&again, owner)), 0);
}

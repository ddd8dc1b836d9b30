//! Questions about a data set: is this point in it, or is it not?
//!
//! A question names the data set by its descriptor, is made fresh by a nonce, may name the training statement that it is
//! asked about, and asks for one or more points. All of it is public, and the digest of all of it opens the transcript of the
//! answer: an answer answers one question.
//!
//! ```text
//! descriptor | nonce (32) | u8 has context | context (32, if there is one)
//! u8 within | u32 number of queries | u8 has labels | for each query: features (i32 each) | label (u32, if there are labels)
//! ```

use crate::codec::{Decoder, FormatError};
use crate::statement::GENERATORS;
use sha2::{Digest, Sha256};
use zkdl_dataset::descriptor::{ColumnRun, Descriptor, DescriptorError};
use zkdl_dataset::number::{to_u32, to_u64, to_usize};

/// Most queries of one question.
pub const MAX_QUERIES: usize = 1 << 10;
/// Most pairs of a query and a point where distances are proven, unless there is but one query.
pub const MAX_PAIRS: usize = 1 << 26;
/// Binary logarithm of the most columns that features and labels may take.
pub(crate) const MAX_LOG_COLUMNS: u32 = 19;

/// A point that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Its features, as the descriptor's quantisers give them.
    pub features: Vec<i32>,
    /// Its class; nothing for "with any label".
    pub label: Option<u32>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The data set.
    pub data: Descriptor,
    /// Chosen by who asks, never twice.
    pub nonce: [u8; 32],
    /// Digest of the training statement that the question is about, if it is about one.
    pub context: Option<[u8; 32]>,
    /// Whether near-duplicates count too: points within the data set's squared distance. Otherwise only equal ones do.
    pub within: bool,
    /// The points; all of them with labels, or none.
    pub queries: Vec<Query>,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The data set's description.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// No query, or too many.
    #[error("{got} queries in one question, expected 1 to {limit}")]
    Count {
        /// How many.
        got: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A query of another width than the data.
    #[error("query {query} has {got} features, the points of this data set have {expected}")]
    Length {
        /// Which query.
        query: usize,
        /// Its features.
        got: usize,
        /// The data set's.
        expected: usize,
    },
    /// A feature that no point of the data set can have.
    #[error("query {query}: feature {column} is {value}, the data set's are between {min} and {max}")]
    Range {
        /// Which query.
        query: usize,
        /// Which feature.
        column: usize,
        /// Its value.
        value: i32,
        /// Smallest value.
        min: i32,
        /// Largest value.
        max: i32,
    },
    /// A class that the data set does not have.
    #[error("query {query}: the label is {label}, the data set has {classes} classes")]
    Label {
        /// Which query.
        query: usize,
        /// Its label.
        label: u32,
        /// Classes of the data set.
        classes: u32,
    },
    /// Some queries have a label and some have none.
    #[error(
        "query {query} differs from the first in having a label: ask for points with labels and without separately"
    )]
    Mixed {
        /// The first that differs.
        query: usize,
    },
    /// Near-duplicates of a data set that fixes no distance.
    #[error("the data set fixes no distance of near-duplicates (near = 0): ask for equal points")]
    NoDistance,
    /// A distance that no point can exceed.
    #[error(
        "every two points of the data set may be within its squared distance {near}: nothing can be told of near-duplicates"
    )]
    Vacuous {
        /// The distance.
        near: u64,
    },
    /// Near-duplicates with a label, or membership of near-duplicates.
    #[error("near-duplicates are asked for {what}")]
    Within {
        /// How not.
        what: &'static str,
    },
    /// Points too wide to be worked with.
    #[error("a point of the data set takes {columns} columns, more than 2^{MAX_LOG_COLUMNS}")]
    Columns {
        /// Features and classes.
        columns: u64,
    },
}

impl Question {
    /// Checks the descriptor, and that every query could be a point of the data set: features in range, as many as there are
    /// columns, labels below the number of classes.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), QueryError> {
        self.data.validate()?;
        let columns = u64::from(self.data.features).saturating_add(u64::from(self.data.classes));
        if columns > 1 << MAX_LOG_COLUMNS {
            return Err(QueryError::Columns { columns });
        }
        let limit = self.limit();
        if !(1..=limit).contains(&self.queries.len()) {
            return Err(QueryError::Count { got: self.queries.len(), limit });
        }
        if self.within {
            self.validate_distance()?;
        }
        let ranges = self.data.ranges();
        for (index, query) in self.queries.iter().enumerate() {
            let (got, expected) = (query.features.len(), ranges.len());
            if got != expected {
                return Err(QueryError::Length { query: index, got, expected });
            }
            for (column, (value, range)) in query.features.iter().zip(&ranges).enumerate() {
                let (value, min, max) = (*value, range.min, range.max);
                if value < min || value > max {
                    return Err(QueryError::Range { query: index, column, value, min, max });
                }
            }
            if query.label.is_some() != self.labelled() {
                return Err(QueryError::Mixed { query: index });
            }
            if let Some(label) = query.label.filter(|label| *label >= self.data.classes) {
                return Err(QueryError::Label { query: index, label, classes: self.data.classes });
            }
        }
        Ok(())
    }

    /// Most queries. Of near-duplicates every pair of query and point is committed to.
    fn limit(&self) -> usize {
        let pairs = MAX_PAIRS.checked_div(to_usize(self.data.points)).unwrap_or(MAX_PAIRS);
        if self.within { pairs.clamp(1, MAX_QUERIES) } else { MAX_QUERIES }
    }

    fn validate_distance(&self) -> Result<(), QueryError> {
        let near = self.data.near;
        if near == 0 {
            return Err(QueryError::NoDistance);
        }
        if self.labelled() {
            return Err(QueryError::Within { what: "whatever their labels: leave the label out" });
        }
        if self.farthest() <= near { Err(QueryError::Vacuous { near }) } else { Ok(()) }
    }

    /// No point of the data set is at a larger squared distance from any other; below 2^62.
    pub(crate) fn farthest(&self) -> u64 {
        let widest = |run: &ColumnRun| u64::from(run.quantiser.max.abs_diff(run.quantiser.min));
        let squares = |run: &ColumnRun| u64::from(run.count).saturating_mul(widest(run).saturating_pow(2));
        self.data.columns.iter().map(squares).fold(0, u64::saturating_add)
    }

    /// Whether labels are asked for too.
    #[must_use]
    pub fn labelled(&self) -> bool {
        self.queries.first().is_some_and(|query| query.label.is_some())
    }

    /// Columns of features and labels.
    pub(crate) fn width(&self) -> usize {
        to_usize(self.data.features).saturating_add(to_usize(self.data.classes))
    }

    /// What differs from the question that is expected, in words.
    pub(crate) fn difference(&self, expected: &Self) -> Option<&'static str> {
        let parts = [
            ("data set", self.data == expected.data),
            ("nonce", self.nonce == expected.nonce),
            ("training statement", self.context == expected.context),
            ("kind of nearness", self.within == expected.within),
            ("query", self.queries == expected.queries),
        ];
        parts.into_iter().find(|(_, equal)| !equal).map(|(what, _)| what)
    }

    /// The encoding, part of that of an answer.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = [&self.data.encode()[..], &self.nonce].concat();
        bytes.push(u8::from(self.context.is_some()));
        bytes.extend(self.context.iter().flatten());
        bytes.push(u8::from(self.within));
        bytes.extend(to_u32(self.queries.len()).to_le_bytes());
        bytes.push(u8::from(self.labelled()));
        for query in &self.queries {
            bytes.extend(query.features.iter().flat_map(|x| x.to_le_bytes()));
            bytes.extend(query.label.iter().flat_map(|label| label.to_le_bytes()));
        }
        bytes
    }

    /// Reads an encoding. Allocates no more than the bytes given.
    pub(crate) fn decode(d: &mut Decoder<'_>) -> Result<Self, FormatError> {
        let data = d.descriptor()?;
        let nonce = d.array("nonce")?;
        let context = if flag(d, "whether there is a context")? { Some(d.array("context")?) } else { None };
        let within = flag(d, "whether near-duplicates count")?;
        let count = d.u32("number of queries")?;
        if count == 0 || to_usize(count) > MAX_QUERIES {
            return Err(d.value_error("number of queries", u64::from(count), format!("1 to {MAX_QUERIES}")));
        }
        let labelled = flag(d, "whether there are labels")?;
        // Every query takes bytes, so that their number is bounded by those that are there.
        let mut queries = Vec::new();
        for _ in 0..count {
            let (words, _) = d.take("features", to_usize(data.features).saturating_mul(4))?.as_chunks();
            let features = words.iter().map(|word| i32::from_le_bytes(*word)).collect();
            let label = if labelled { Some(d.u32("label")?) } else { None };
            queries.push(Query { features, label });
        }
        Ok(Self { data, nonce, context, within, queries })
    }

    /// SHA-256 of protocol, generator label, encoding and what else the answer is about: it opens the transcript.
    pub(crate) fn digest(&self, protocol: &str, about: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [protocol.as_bytes(), GENERATORS.as_bytes(), &self.encode(), about] {
            hash.update(to_u64(part.len()).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

fn flag(d: &mut Decoder<'_>, field: &'static str) -> Result<bool, FormatError> {
    match d.array(field)? {
        [0] => Ok(false),
        [1] => Ok(true),
        [other] => Err(d.value_error(field, u64::from(other), "0 or 1".into())),
    }
}

#[cfg(test)]
#[path = "query/support.rs"]
pub(crate) mod support;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::header;
    use zkdl_dataset::ValueRange;

    fn question() -> Question {
        let data = Descriptor { root: [1; 32], ..Descriptor::uniform(4, 3, 2, ValueRange { min: -2, max: 9 }, 0) };
        let queries = vec![Query { features: vec![-2, 0, 9], label: None }; 2];
        Question { data, nonce: [2; 32], context: None, within: false, queries }
    }

    fn labelled(mut question: Question) -> Question {
        question.queries.iter_mut().for_each(|query| query.label = Some(1));
        question
    }

    /// Catalogue 101.
    #[test]
    fn only_points_that_could_be_there_are_asked_for() {
        assert_eq!(question().validate(), Ok(()));
        assert_eq!(labelled(question()).validate(), Ok(()));
        let refused = |change: fn(&mut Question)| {
            let mut question = question();
            change(&mut question);
            question.validate().unwrap_err()
        };
        let low = QueryError::Range { query: 1, column: 0, value: -3, min: -2, max: 9 };
        assert_eq!(refused(|q| q.queries[1].features[0] = -3), low);
        let high = QueryError::Range { query: 0, column: 2, value: i32::MAX, min: -2, max: 9 };
        assert_eq!(refused(|q| q.queries[0].features[2] = i32::MAX), high);
        let short = QueryError::Length { query: 0, got: 2, expected: 3 };
        assert_eq!(refused(|q| q.queries[0].features.truncate(2)), short);
        let long = QueryError::Length { query: 1, got: 4, expected: 3 };
        assert_eq!(refused(|q| q.queries[1].features.push(0)), long);
        assert_eq!(refused(|q| q.queries[1].label = Some(0)), QueryError::Mixed { query: 1 });
        let class = QueryError::Label { query: 0, label: 2, classes: 2 };
        assert_eq!(refused(|q| q.queries.iter_mut().for_each(|q| q.label = Some(2))), class);
        assert!(matches!(refused(|q| q.queries.clear()), QueryError::Count { got: 0, .. }));
        assert!(matches!(
            refused(|q| q.queries = vec![q.queries[0].clone(); 1025]),
            QueryError::Count { got: 1025, .. }
        ));
        assert!(matches!(refused(|q| q.data.classes = 0), QueryError::Descriptor(_)));
        assert!(matches!(refused(|q| q.data.classes = u32::MAX), QueryError::Columns { .. }));
    }

    #[test]
    fn limits_of_columns_and_queries_may_be_reached() {
        let mut wide = question();
        wide.data.classes = (1 << MAX_LOG_COLUMNS) - 3;
        assert_eq!(wide.validate(), Ok(()));
        wide.data.classes += 1;
        assert_eq!(wide.validate(), Err(QueryError::Columns { columns: (1 << MAX_LOG_COLUMNS) + 1 }));
        let asked = |count| {
            let question = Question { queries: vec![question().queries[0].clone(); count], ..question() };
            let bytes = [header("test", 1), question.encode()].concat();
            (question.validate(), Question::decode(&mut Decoder::new("test", "test", 1, &bytes).unwrap()))
        };
        for count in [1, MAX_QUERIES] {
            let (valid, read) = asked(count);
            assert_eq!(valid, Ok(()));
            assert_eq!(read.unwrap().queries.len(), count);
        }
        for count in [0, MAX_QUERIES + 1] {
            let (refused, read) = asked(count);
            assert_eq!(refused, Err(QueryError::Count { got: count, limit: MAX_QUERIES }));
            assert!(matches!(read, Err(FormatError::Value { .. })), "{count}");
        }
    }

    #[test]
    fn near_duplicates_are_asked_for_where_a_distance_is_fixed() {
        let near = |near| {
            let mut question = Question { within: true, ..question() };
            question.data.near = near;
            question
        };
        assert_eq!(near(1).validate(), Ok(()));
        assert_eq!(near(0).validate(), Err(QueryError::NoDistance));
        assert_eq!(near(3 * 11 * 11 - 1).validate(), Ok(()));
        assert_eq!(near(3 * 11 * 11).validate(), Err(QueryError::Vacuous { near: 363 }));
        assert!(matches!(labelled(near(1)).validate(), Err(QueryError::Within { .. })));
        let mut many = near(1);
        many.data.points = u32::MAX;
        assert_eq!(many.validate(), Err(QueryError::Count { got: 2, limit: 1 }));
    }

    /// Catalogue 103: every field counts in encoding and digest, and the encoding is read back. A residue such as x + r has no encoding:
    /// features are 32 bits.
    #[test]
    fn one_question_one_digest() {
        // A field more does not compile: it needs a change below.
        let Question { data: _, nonce: _, context: _, within: _, queries } = question();
        let Query { features: _, label: _ } = &queries[0];
        let changes: &[fn(&mut Question)] = &[
            |_| (),
            |q| q.data.root[3] ^= 1,
            |q| q.nonce[0] ^= 1,
            |q| q.context = Some([0; 32]),
            |q| q.context = Some([5; 32]),
            |q| q.within = true,
            |q| q.queries[1].features[1] += 1,
            |q| q.queries.swap(0, 1),
            |q| q.queries.truncate(1),
            |q| *q = labelled(q.clone()),
        ];
        let mut digests = std::collections::HashSet::new();
        for change in changes {
            let mut question = question();
            question.queries[0].features[0] = 4;
            change(&mut question);
            let bytes = [header("test", 1), question.encode()].concat();
            let mut d = Decoder::new("test", "test", 1, &bytes).unwrap();
            assert_eq!(Question::decode(&mut d).unwrap(), question);
            d.finish().unwrap();
            assert!(digests.insert(question.digest("p", &[])));
            assert!(digests.insert(question.digest("q", &[])));
            assert!(digests.insert(question.digest("p", &[1])));
            for end in 8..bytes.len() {
                let read = Question::decode(&mut Decoder::new("test", "test", 1, &bytes[..end]).unwrap());
                assert!(matches!(read, Err(FormatError::Truncated { .. } | FormatError::Value { .. })), "{end}");
            }
        }
    }
}

//! Data sets: how points are read, what is public about them, and in which order training visits them.
//!
//! A point is a row of integers (features with `f_X` fraction bits) and a class label. Everything here is integers and one hash;
//! commitments to points are made elsewhere, from the rows this crate reads.
//!
//! | module | what it holds |
//! |---|---|
//! | [`mod@csv`] | the CSV reader and the [`Table`] it fills |
//! | [`descriptor`] | the public [`Descriptor`] of a data set and its one canonical encoding |
//! | [`stream`] | [`KeyStream`]: public pseudorandom integers, specified bit by bit |
//! | [`schedule`] | which points each training step uses, and the train/test split |
//!
//! Position: a leaf. `zkdl-train` takes [`KeyStream`] from here; `zkdl` and the command read tables and schedules.

pub mod csv;
pub mod descriptor;
pub mod query;
pub mod schedule;
pub mod stream;

pub use csv::{CsvError, Table, ValueRange, read_csv};
pub use descriptor::{Descriptor, DescriptorError};
pub use schedule::{Schedule, ScheduleError, split};
pub use stream::KeyStream;

#[doc = include_str!("../../../spec/dataset.md")]
pub mod spec {}

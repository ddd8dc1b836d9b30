//! Data sets: how points are read, what is public about them, and in which order training visits them.
//!
//! A point is a row of integers (features with `f_X` fraction bits) and a class label. Everything here is integers and one hash;
//! commitments to points are made elsewhere, from the rows this crate reads.
//!
//! | module | what it holds |
//! |---|---|
//! | [`quantiser`] | [`Quantiser`]: from the numbers of a file to integers, the same everywhere |
//! | [`descriptor`] | the public [`Descriptor`] of a data set and its one canonical encoding |
//! | [`readers`] | CSV, NumPy, IDX and CIFAR-10 files, each streamed into a [`Table`] |
//! | [`query`] | the points that somebody asks about, from CSV or PNG, quantised as the data were |
//! | [`table`] | the [`Table`] |
//! | [`stream`] | [`KeyStream`]: public pseudorandom integers, specified bit by bit |
//! | [`schedule`] | which points each training step uses, and the train/test split |
//! | [`number`] | conversions between sizes: lossless, or saturating where no reader accepts as much |
//!
//! Position: a leaf. `zkdl-train` takes [`KeyStream`] from here; `zkdl` and the command read tables and schedules.

// Verifiers meet hostile bytes: nothing here may panic, wrap or truncate.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod descriptor;
pub mod number;
pub mod quantiser;
pub mod query;
pub mod readers;
pub mod schedule;
pub mod stream;
pub mod table;

pub use descriptor::{ColumnRun, Descriptor, DescriptorError, Image};
pub use quantiser::{QuantiseError, Quantiser, Quantisers, ValueRange};
pub use query::{Query, QueryError, read_csv_queries, read_png_query};
pub use readers::{ReadError, Source, read_csv};
pub use schedule::{Schedule, ScheduleError, split};
pub use stream::KeyStream;
pub use table::Table;

#[doc = include_str!("../../../spec/dataset.md")]
pub mod spec {}

//! zkdl

//! Files of the command, read through links: they are in a binary, which nothing can depend on.

pub(crate) mod config;
pub(crate) mod error;
pub(crate) mod secret;

//! The `zkdl` command.
fn main() {}

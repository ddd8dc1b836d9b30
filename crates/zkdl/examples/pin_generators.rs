//! Writes `src/generators/pinned.rs` anew: `cargo run --release -p zkdl --example pin_generators`.
//!
//! The digests change with the label or the derivation of the generators, and then every commitment changes too: commit the file
//! with the change that caused it.

use zkdl::generators::derived_digests;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/generators/pinned.rs");

fn main() -> std::io::Result<()> {
    let digests: Vec<String> = derived_digests().collect();
    let lines: String = digests.iter().map(|digest| format!("    \"{digest}\",\n")).collect();
    let text = format!(
        "//! SHA-256 of every piece of the column generators.
//!
//! Written by `cargo run --release -p zkdl --example pin_generators`: do not edit.

/// From piece 0 on: columns up to 2^10, 2^11, .., 2^{}.
pub(super) const DIGESTS: [&str; {}] = [
{lines}];
",
        9 + digests.len(),
        digests.len()
    );
    std::fs::write(FILE, text)
}

//! Which bits of an encoding are flipped.

/// Bits of a proof's encoding to flip one by one where all would take too long: all bits before the body; of every message all bits of its
/// ends, where signs and flags are, and one of each byte between.
pub(crate) fn telling_bits(length: usize, body: usize) -> Vec<usize> {
    let is_telling = |bit: &usize| match (bit / 8).checked_sub(length - body).map(|place| place % 32) {
        None | Some(0 | 31) => true,
        Some(place) => bit % 8 == place % 8,
    };
    (0..8 * length).filter(is_telling).collect()
}

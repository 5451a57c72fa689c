//! A stable hash of texts: the same number on every machine and in every version. Choices by chance that must be
//! reproducible are made from it.
//!
//! Texts are taken eight bytes at a time, each of them followed by the finalizer of splitmix64. Every bit of its result
//! depends on every bit of its input.

/// A hash of all that went into `state` and of `text`. The length goes in too, so different lists of texts have
/// different inputs.
pub(crate) fn absorb(state: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let (words, rest) = bytes.as_chunks::<8>();
    let start = mix(state ^ bytes.len() as u64);
    let state = words.iter().fold(start, |state, &word| mix(state ^ u64::from_le_bytes(word)));
    match rest {
        [] => state,
        rest => mix(state ^ rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))),
    }
}

/// One step of splitmix64: a bijection of 64 bits that leaves no visible relation between close inputs.
pub(crate) fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

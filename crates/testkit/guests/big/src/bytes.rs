//! Bytes that do not repeat and that both sides can make.

/// Returns `size` bytes, always the same: the output of SplitMix64 (as its author published
/// it) from the seed 0, each number as 8 bytes, lowest first.
pub fn pseudo_random(size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    let mut state = 0_u64;
    while bytes.len() < size {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let wanted = (size - bytes.len()).min(8);
        bytes.extend(word.to_le_bytes().iter().take(wanted));
    }
    bytes
}

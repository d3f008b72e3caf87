//! Taking memory, and stack, without end.

pub(super) fn take_all() -> usize {
    let mut blocks = Vec::new();
    loop {
        blocks.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&blocks);
    }
}

#[expect(unconditional_recursion, reason = "what this component is for")]
pub(super) fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    recurse(depth + 1) + std::hint::black_box(frame)[0]
}

// The scales of ggml's K-quants: 8 blocks, a super-block, share (d, dmin) as two halves in word 0, and each
// block has 16 bits of small integer factors from word 1 on.
#import formats/scales_layout

// The factors of a block, in the lower 16 bits; `scales` is the index of word 0.
fn block_factors(scales: u32, block: u32) -> u32 {
    let inside = block % GROUP;
    return scale_word(scales + (1u + inside / 2u) * 32u) >> (16u * (inside % 2u));
}

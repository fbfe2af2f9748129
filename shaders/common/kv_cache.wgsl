// The KV cache and the queries store each head as HEAD_DIM / 2 pairs of dimensions: first those that RoPE rotates
// together, then the others, two by two.
#import pairs

const PAIRS: u32 = HEAD_DIM / 2u;

// The dimensions of pair `i` of a head.
fn pair_dims(i: u32) -> vec2<u32> {
    if (i < ROPE_PAIRS) {
        return vec2<u32>(i, i + ROPE_PAIRS);
    }
    return vec2<u32>(2u * i, 2u * i + 1u);
}

// Index of dimension `dim` of a head in the order of the cache.
fn place_of(dim: u32) -> u32 {
    if (dim < ROPE_PAIRS) {
        return 2u * dim;
    }
    if (dim < 2u * ROPE_PAIRS) {
        return 2u * (dim - ROPE_PAIRS) + 1u;
    }
    return dim;
}

// The KV cache holds each head as HEAD_DIM / 2 pairs of dimensions: those that turn together, then
// what does not turn, two by two. A pair is one vec2<f32>, or with KV_F16 one u32 of two halves.

const PAIRS: u32 = HEAD_DIM / 2u;

// The dimensions of pair `i` of a head.
fn pair_dims(i: u32) -> vec2<u32> {
    if (i < ROPE_PAIRS) {
        return vec2<u32>(i, i + ROPE_PAIRS);
    }
    return vec2<u32>(2u * i, 2u * i + 1u);
}

#if KV_F16
alias CachedPair = u32;
fn to_cache(pair: vec2<f32>) -> CachedPair { return pack2x16float(pair); }
fn from_cache(pair: CachedPair) -> vec2<f32> { return unpack2x16float(pair); }
#else
alias CachedPair = vec2<f32>;
fn to_cache(pair: vec2<f32>) -> CachedPair { return pair; }
fn from_cache(pair: CachedPair) -> vec2<f32> { return pair; }
#end

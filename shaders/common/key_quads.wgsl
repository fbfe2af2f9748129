// Keys as quads, see `query_quads`; the importing shader binds `k_cache` as an array of CachedElement. `head` counts
// the heads of all positions of the cache.
//
// With CACHE_Q8 a quad is four signed bytes, and the 32-bit scale of a head follows its quads.
#import query_quads

#if CACHE_Q8
alias CachedQuad = u32;
// From a head to the next, in elements of the cache.
const CACHED_HEAD: u32 = QUADS + 1u;
fn from_cached(quad: CachedQuad) -> vec4<f32> { return vec4<f32>(unpack4xI8(quad)); }
fn key_scale(head: u32) -> f32 { return bitcast<f32>(k_cache[head * CACHED_HEAD + QUADS]); }
#else
const CACHED_HEAD: u32 = HEAD_ELEMENTS;
fn key_scale(head: u32) -> f32 { return 1.0; }
#if CACHE_F16
alias CachedPair = u32;
alias CachedQuad = vec2<u32>;
fn from_cached(quad: CachedQuad) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(quad.x), unpack2x16float(quad.y));
}
#else
alias CachedPair = vec2<f32>;
alias CachedQuad = vec4<f32>;
fn from_cached(quad: CachedQuad) -> vec4<f32> { return quad; }
#end
#end

#if WIDE
alias CachedElement = CachedQuad;
fn key_quad(head: u32, i: u32) -> CachedQuad { return k_cache[head * CACHED_HEAD + i]; }
#else
alias CachedElement = CachedPair;
fn key_quad(head: u32, i: u32) -> CachedQuad {
    let at = head * CACHED_HEAD + 2u * i;
    return CachedQuad(k_cache[at], select(CachedPair(), k_cache[at + 1u], i + 1u < QUADS));
}
#end

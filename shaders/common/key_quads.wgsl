// Keys as quads, see `query_quads`; the importing shader binds `k_cache` as an array of CachedElement. `head` counts
// the heads of all positions of the cache. `cache` is the unit of the cache's data type.
#import query_quads, cache

// From a head to the next, in elements of the cache.
const CACHED_HEAD: u32 = HEAD_ELEMENTS + SCALE_ELEMENTS;

#if WIDE
alias CachedElement = CachedQuad;
fn key_quad(head: u32, i: u32) -> CachedQuad { return k_cache[head * CACHED_HEAD + i]; }
fn key_scale(head: u32) -> f32 {
    if (SCALE_ELEMENTS == 0u) {
        return 1.0;
    }
    return scale_in(k_cache[head * CACHED_HEAD + QUADS]);
}
#else
alias CachedElement = CachedPair;
fn key_quad(head: u32, i: u32) -> CachedQuad {
    let at = head * CACHED_HEAD + 2u * i;
    return CachedQuad(k_cache[at], select(CachedPair(), k_cache[at + 1u], i + 1u < QUADS));
}
fn key_scale(head: u32) -> f32 { return 1.0; }
#end

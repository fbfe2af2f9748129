// Values as quads, see `key_quads`; the importing shader binds `v_cache` as an array of CachedElement.
#import key_quads

#if WIDE
fn value_quad(head: u32, i: u32) -> CachedQuad { return v_cache[head * CACHED_HEAD + i]; }
fn value_scale(head: u32) -> f32 {
    if (SCALE_ELEMENTS == 0u) {
        return 1.0;
    }
    return scale_in(v_cache[head * CACHED_HEAD + QUADS]);
}
#else
fn value_quad(head: u32, i: u32) -> CachedQuad {
    let at = head * CACHED_HEAD + 2u * i;
    return CachedQuad(v_cache[at], select(CachedPair(), v_cache[at + 1u], i + 1u < QUADS));
}
fn value_scale(head: u32) -> f32 { return 1.0; }
#end

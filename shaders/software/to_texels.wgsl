// Pairs of dimensions to a KV cache in a texture.
#import rope_kv_append/by_pair, texels

const CACHED_HEAD: u32 = TEXELS;

// [pages, KV_HEADS, PAGE, TEXELS] each.
@binding(k_cache) var k_cache: texture_storage_2d<rgba32uint, write>;
@binding(v_cache) var v_cache: texture_storage_2d<rgba32uint, write>;

// The pairs of a texel, starting with pair `i` of a head.
fn append_texel(token: u32, head: u32, i: u32, pairs: array<CachedPair, TEXEL_PAIRS>) {
    if (head < HEADS) {
        return;
    }
    let place = texel_place(cached_at(token, head) + i / TEXEL_PAIRS);
    if (head < HEADS + KV_HEADS) {
        textureStore(k_cache, place, texel_with(pairs));
    } else {
        textureStore(v_cache, place, texel_with(pairs));
    }
}

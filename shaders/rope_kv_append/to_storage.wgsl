// Pairs of dimensions to a KV cache in storage.
#import rope_kv_append/by_pair

const CACHED_HEAD: u32 = PAIRS;

// [pages, KV_HEADS, PAGE, PAIRS] each.
@binding(k_cache) var<storage, read_write> k_cache: array<CachedPair>;
@binding(v_cache) var<storage, read_write> v_cache: array<CachedPair>;

fn append(token: u32, head: u32, i: u32, values: vec2<f32>) {
    let cached = to_append(token, head, i, values);
    if (head < HEADS) {
        return;
    }
    let at = cached_at(token, head) + i;
    if (head < HEADS + KV_HEADS) {
        k_cache[at] = cached;
    } else {
        v_cache[at] = cached;
    }
}

// Number formats of the KV cache in which a pair of dimensions is stored by itself.
#import rope_kv_append/turn, cache

// A pair of a query goes its way; one of a key or a value is what the cache is to have.
fn to_append(token: u32, head: u32, i: u32, values: vec2<f32>) -> CachedPair {
    let pair = turned(step.rows[token].position, head, i, values);
    let cached = to_cached(pair);
    if (head < HEADS) {
        keep_query(token, head, i, pair);
    } else {
        keep_kv(token, head, i, from_cached_pair(cached));
    }
    return cached;
}

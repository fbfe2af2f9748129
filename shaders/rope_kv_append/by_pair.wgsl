// Data types of the KV cache in which a pair of dimensions can be stored alone.
#import rope_kv_append/turn, cache

// Stores a pair of a query; returns a pair of a key or value for the cache.
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

// Scores of single keys for `attention/probs`, from a KV cache in storage.
#import key_quads

// [pages, KV_HEADS, PAGE, CACHED_HEAD]
@binding(k_cache) var<storage, read> k_cache: array<CachedElement>;

// The score of a key, before SCALE.
fn score_of(key: u32) -> f32 {
    var score = 0.0;
    for (var i = 0u; i < QUADS; i++) {
        score += dot(query[i], from_cached(key_quad(key, i)));
    }
    return score * key_scale(key);
}

// probs[t, h, j] = exp(q[t, h] · k[j, h / GROUP] · SCALE - highest) / total
//
// The probabilities that `attention` used, made again from the queries, the cache and the HeadStats
// that it left: for those who ask. Exactly 0 for what a query does not see. One workgroup per token
// and query head; rows are `width` long.
#import cached_head
#import parts
#if CACHE_TEXELS
#import texels
#end
#import head_stats

const GROUP: u32 = HEADS / KV_HEADS;

@group(0) @binding(_) var<storage, read> queries: array<Part>;
#if CACHE_TEXELS
@group(0) @binding(_) var k_cache: Texture;
#else
@group(0) @binding(_) var<storage, read> k_cache: array<Cached>;
#end
@group(0) @binding(_) var<storage, read> stats: array<HeadStats>;
@group(0) @binding(_) var<storage, read_write> probs: array<f32>;
@group(0) @binding(_) var<storage, read> step: Step;
@group(0) @binding(_) var<storage, read> width: u32;

var<workgroup> query: array<Values, PARTS>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let kv_head = head / GROUP;
    let place = step.rows[group.y];
    let n_keys = place.position + 1u;
#if WINDOW
    let first_key = n_keys - min(n_keys, WINDOW_KEYS);
#else
    let first_key = 0u;
#end
    let row = group.y * HEADS + head;
    for (var i = lane; i < PARTS; i += LANES) {
        query[i] = from_part(queries[row * PARTS + i]) * SCALE;
    }
    workgroupBarrier();

    let head_stats = stats[row];
    for (var key = lane; key < width; key += LANES) {
        var prob = 0.0;
        if (key >= first_key && key < n_keys) {
            let key_at = cached_head(place.sequence, key, kv_head) * CACHED_HEAD;
            var score = 0.0;
#if CACHE_TEXELS
            for (var t = 0u; t < TEXELS; t++) {
                let texel = texel_of(k_cache, key_at + t);
#for q in TEXEL_QUADS
                score += dot(query[t * TEXEL_QUADS + $qu], texel_quad_$q(texel));
#end
            }
#else
            for (var i = 0u; i < PARTS; i++) {
                score += dot(query[i], from_cached(k_cache[key_at + i]));
            }
#end
#if CACHE_Q8
            score *= bitcast<f32>(k_cache[key_at + PARTS]);
#end
            prob = exp(score - head_stats.highest) / head_stats.total;
        }
        probs[row * width + key] = prob;
    }
}

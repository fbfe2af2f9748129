// out[t, h, :] = Σ_j softmax_j(q[t, h] · k[j, h / GROUP] · SCALE) v[j, h / GROUP],  j ≤ position of t
//
// Causal grouped-query attention (arXiv 2305.13245) with the online softmax of FlashAttention
// (arXiv 2205.14135). With WINDOW only the last WINDOW_KEYS positions are seen. One workgroup per
// token and query head. It walks over the keys page by page: first a lane is a key, for the scores;
// then a lane is a part of the dimensions, for the values.
//
// With SPLIT the keys of a token are cut into SPLITS stretches, each for a workgroup of its own, and
// `attention_reduce` puts them together. With STATS it also tells how each head spread its attention;
// the output is the same.
#import reduce
#import parts

@group(0) @binding(_) var<storage, read> queries: array<Part>;
@group(0) @binding(_) var<storage, read> k_cache: array<Cached>;
@group(0) @binding(_) var<storage, read> v_cache: array<Cached>;
#import attention

var<workgroup> query: array<Values, PARTS>;
var<workgroup> weights: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x / SPLITS;
    let kv_head = head / GROUP;
    let row = step.rows[group.y];
    let keys = keys_of(row.position, group.x % SPLITS);
    if (keys.x >= keys.y) {
        return;
    }

    let query_at = (group.y * HEADS + head) * PARTS;
    for (var i = lane; i < PARTS; i += LANES) {
        query[i] = from_part(queries[query_at + i]) * SCALE;
    }
    workgroupBarrier();

    var sums = Sums(LOWEST, 0.0, 0.0, LOWEST, NOBODY);
#if STATS
    var best_score = LOWEST;
#end
#for d in ROUNDS
    var sum_$d = Values();
#end
    // A page has LANES positions; those of the first one that lie before the window are left out.
    for (var first = keys.x - keys.x % LANES; first < keys.y; first += LANES) {
        let page = cached_head(row.sequence, first, kv_head);
        let key = first + lane;
        let seen = key >= keys.x && key < keys.y;
        var score = LOWEST;
        if (seen) {
            let key_at = (page + lane) * CACHED_HEAD;
            score = 0.0;
            for (var i = 0u; i < PARTS; i++) {
                score += dot(query[i], from_cached(k_cache[key_at + i]));
            }
#if CACHE_Q8
            score *= bitcast<f32>(k_cache[key_at + PARTS]);
#end
        }
        let now_highest = max(sums.highest, workgroup_max(lane, score));
        let weight = select(0.0, exp(score - now_highest), seen);
        var share = weight;
#if CACHE_Q8
        if (seen) {
            let value_at = (page + lane) * CACHED_HEAD;
            share *= bitcast<f32>(v_cache[value_at + PARTS]);
        }
#end
        weights[lane] = share;
        let rescale = exp(sums.highest - now_highest);
#if STATS
        let spread_here = workgroup_sum(lane, weight * (score - now_highest));
        sums.spread = rescale * (sums.spread + (sums.highest - now_highest) * sums.total);
        sums.spread += spread_here;
        if (score > best_score) {
            best_score = score;
            sums.best_key = key;
        }
        if (key == 0u) {
            sums.first_score = score;
        }
#end
        sums.total = sums.total * rescale + workgroup_sum(lane, weight);
        sums.highest = now_highest;

        let begin = max(keys.x, first) - first;
        let n_here = min(LANES, keys.y - first);
#for d in ROUNDS
        if (lane + $du * LANES < PARTS) {
            sum_$d *= rescale;
            var value_at = (page + begin) * CACHED_HEAD + lane + $du * LANES;
            for (var j = begin; j < n_here; j++) {
                sum_$d += weights[j] * from_cached(v_cache[value_at]);
                value_at += CACHED_HEAD;
            }
        }
#end
        // The next tile overwrites the weights.
        workgroupBarrier();
    }
#for d in ROUNDS
    if (lane + $du * LANES < PARTS) {
#for j in WIDTH
        mixed[WIDTH * (lane + $du * LANES) + $ju] = sum_$d[$ju];
#end
    }
#end
#if STATS
    // Keys are exact as floats.
    let best = select(LOWEST, -f32(sums.best_key), best_score == sums.highest);
    sums.best_key = u32(-workgroup_max(lane, best));
    sums.first_score = workgroup_max(lane, sums.first_score);
#end
    workgroupBarrier();
    leave(lane, group.y, head, group.x % SPLITS, sums);
}

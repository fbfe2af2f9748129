// out[t, h, :] = Σ_j softmax_j(q[t, h] · k[j, h / GROUP] · SCALE) v[j, h / GROUP]
//
// The same as `attention/token`, for software adapters whose KV cache is not a texture: loads cost per invocation
// there, and workgroup memory costs as much. An invocation has every LANES-th key, with an online softmax
// (arXiv 2205.14135) and a sum of values of its own; the invocations combine theirs in the end. SHARE query heads,
// which see the same keys and values, share their loads.
//
// One workgroup per token and SHARE heads, with SPLIT also per split of the keys.
#import value_quads
#import attention

// [tokens, HEADS, HEAD_DIM], each head in the order of the KV cache.
@binding(queries) var<storage, read> queries: array<QueryElement>;
// [pages, KV_HEADS, PAGE, CACHED_HEAD] each.
@binding(k_cache) var<storage, read> k_cache: array<CachedElement>;
@binding(v_cache) var<storage, read> v_cache: array<CachedElement>;

// What each invocation has of one head: the sums, and Σ weight · value, [LANES, QUADS].
var<workgroup> lane_sums: array<Sums, LANES>;
var<workgroup> lane_values: array<vec4<f32>, LANES * QUADS>;
// [QUADS]: the same of all invocations.
var<workgroup> mixed: array<vec4<f32>, QUADS>;

fn mixed_at(row: u32, place: u32) -> f32 { return mixed[place / 4u][place % 4u]; }

// Combines what the invocations have of a head, and stores it.
fn combine(lane: u32, token: u32, head: u32, split: u32) {
    workgroupBarrier();
    var sums = lane_sums[0];
    for (var other = 1u; other < LANES; other++) {
        sums = joined(sums, lane_sums[other]);
    }
    for (var i = lane; i < QUADS; i += LANES) {
        var values = vec4<f32>(0.0);
        for (var other = 0u; other < LANES; other++) {
            let share = exp(lane_sums[other].highest - sums.highest);
            values += lane_values[other * QUADS + i] * share;
        }
        mixed[i] = values;
    }
    workgroupBarrier();
    store_head(lane, token, head, split, 0u, sums);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_head = group.x / SPLITS * SHARE;
    let split = group.x % SPLITS;
    let kv_head = first_head / GROUP;
    let row = step.rows[group.y];
    let keys = keys_of(row.position, split);
    if (keys.x >= keys.y) {
        return;
    }
    let first_query = group.y * HEADS + first_head;
#for h in SHARE
    var sums_$h = Sums(LOWEST, 0.0, 0.0, LOWEST, NO_KEY);
#for p in QUADS
    let query_$h_$p = query_quad(first_query + $hu, $pu) * SCALE;
    var values_$h_$p = vec4<f32>(0.0);
#end
#end

    for (var first = keys.x - keys.x % LANES; first < keys.y; first += LANES) {
        let key = first + lane;
        let seen = key >= keys.x && key < keys.y;
        // A lane without a key takes another's, and does not count it.
        let own = clamp(key, keys.x, keys.y - 1u);
        let at = cached_head(row.sequence, own, kv_head);
#for h in SHARE
        var score_$h = 0.0;
#end
#for p in QUADS
        let key_$p = from_cached(key_quad(at, $pu));
#for h in SHARE
        score_$h += dot(query_$h_$p, key_$p);
#end
#end
        let key_factor = key_scale(at);
        let value_factor = value_scale(at);
#for h in SHARE
        score_$h = select(LOWEST, score_$h * key_factor, seen);
        let highest_$h = max(sums_$h.highest, score_$h);
        let rescale_$h = exp(sums_$h.highest - highest_$h);
        let weight_$h = select(0.0, exp(score_$h - highest_$h), seen);
#if STATS
        sums_$h.spread = weight_$h * (score_$h - highest_$h)
            + rescale_$h * (sums_$h.spread + (sums_$h.highest - highest_$h) * sums_$h.total);
        sums_$h.best_key = select(sums_$h.best_key, f32(key), score_$h > sums_$h.highest);
        sums_$h.first_score = select(sums_$h.first_score, score_$h, key == 0u);
#end
        sums_$h.total = sums_$h.total * rescale_$h + weight_$h;
        sums_$h.highest = highest_$h;
        let share_$h = weight_$h * value_factor;
#end
#for p in QUADS
        let value_$p = from_cached(value_quad(at, $pu));
#for h in SHARE
        values_$h_$p = values_$h_$p * rescale_$h + value_$p * share_$h;
#end
#end
    }
#for h in SHARE
    lane_sums[lane] = sums_$h;
#for p in QUADS
    lane_values[lane * QUADS + $pu] = values_$h_$p;
#end
    combine(lane, group.y, first_head + $hu, split);
    // The next head takes the same place.
    workgroupBarrier();
#end
}

// The same as `attention`, where each load costs per lane: on a processor that plays a GPU. A lane is
// a key all the way, with an online softmax and a sum of values of its own; the lanes meet only in the
// end. SHARE query heads, which see the same keys and values, share their loads.
//
// One workgroup per token and SHARE heads, with SPLIT also per stretch of keys.
#import parts

@group(0) @binding(_) var<storage, read> queries: array<Part>;
@group(0) @binding(_) var<storage, read> k_cache: array<Cached>;
@group(0) @binding(_) var<storage, read> v_cache: array<Cached>;
#import attention

// What each lane has of one head.
var<workgroup> lane_sums: array<Sums, LANES>;
var<workgroup> lane_values: array<Values, LANES * PARTS>;

// Adds up what the lanes have of a head, and leaves it.
fn meet(lane: u32, token: u32, head: u32, split: u32) {
    workgroupBarrier();
    var sums = lane_sums[0];
    for (var other = 1u; other < LANES; other++) {
        sums = joined(sums, lane_sums[other]);
    }
    for (var i = lane; i < PARTS; i += LANES) {
        var values = Values();
        for (var other = 0u; other < LANES; other++) {
            let share = exp(lane_sums[other].highest - sums.highest);
            values += lane_values[other * PARTS + i] * share;
        }
#for j in WIDTH
        mixed[WIDTH * i + $ju] = values[$ju];
#end
    }
    workgroupBarrier();
    leave(lane, token, head, split, sums);
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
    let query_at = (group.y * HEADS + first_head) * PARTS;
#for h in SHARE
    var sums_$h = Sums(LOWEST, 0.0, 0.0, LOWEST, NOBODY);
#for p in PARTS
    let query_$h_$p = from_part(queries[query_at + $hu * PARTS + $pu]) * SCALE;
    var values_$h_$p = Values();
#end
#end

    for (var first = keys.x - keys.x % LANES; first < keys.y; first += LANES) {
        let key = first + lane;
        let seen = key >= keys.x && key < keys.y;
        // A lane without a key takes another's, and does not count it.
        let own = clamp(key, keys.x, keys.y - 1u);
        let at = cached_head(row.sequence, own, kv_head) * CACHED_HEAD;
#for h in SHARE
        var score_$h = 0.0;
#end
#for p in PARTS
        let key_$p = from_cached(k_cache[at + $pu]);
#for h in SHARE
        score_$h += dot(query_$h_$p, key_$p);
#end
#end
#if CACHE_Q8
        let key_scale = bitcast<f32>(k_cache[at + PARTS]);
        let value_scale = bitcast<f32>(v_cache[at + PARTS]);
#for h in SHARE
        score_$h *= key_scale;
#end
#end
#for h in SHARE
        score_$h = select(LOWEST, score_$h, seen);
        let highest_$h = max(sums_$h.highest, score_$h);
        let rescale_$h = exp(sums_$h.highest - highest_$h);
        let weight_$h = select(0.0, exp(score_$h - highest_$h), seen);
#if STATS
        sums_$h.spread = weight_$h * (score_$h - highest_$h)
            + rescale_$h * (sums_$h.spread + (sums_$h.highest - highest_$h) * sums_$h.total);
        sums_$h.best_key = select(sums_$h.best_key, key, score_$h > sums_$h.highest);
        sums_$h.first_score = select(sums_$h.first_score, score_$h, key == 0u);
#end
        sums_$h.total = sums_$h.total * rescale_$h + weight_$h;
        sums_$h.highest = highest_$h;
#if CACHE_Q8
        let share_$h = weight_$h * value_scale;
#else
        let share_$h = weight_$h;
#end
#end
#for p in PARTS
        let value_$p = from_cached(v_cache[at + $pu]);
#for h in SHARE
        values_$h_$p = values_$h_$p * rescale_$h + value_$p * share_$h;
#end
#end
    }
#for h in SHARE
    lane_sums[lane] = sums_$h;
#for p in PARTS
    lane_values[lane * PARTS + $pu] = values_$h_$p;
#end
    meet(lane, group.y, first_head + $hu, split);
    // The next head takes the same place.
    workgroupBarrier();
#end
}

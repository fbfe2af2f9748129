// out[t, h, :] = Σ_j softmax_j(q[t, h] · k[j, h / GROUP] · SCALE) v[j, h / GROUP],  j ≤ position of t
//
// Causal grouped-query attention (arXiv 2305.13245) with the online softmax of FlashAttention
// (arXiv 2205.14135). With WINDOW only the last WINDOW_KEYS positions are seen.
//
// One workgroup per TOKENS tokens, which follow one another in a sequence, and SHARE query heads, which see the
// same keys and values: ROWS queries in all, for which each key and each value is loaded once. It walks over the keys
// page by page: first a lane is a key, for the scores of all queries; then one of the ROW_LANES of a query, for some
// of its weights; then a part of the dimensions of some queries, for the values.
//
// With SPLIT the keys of a token are cut into SPLITS stretches, each for a workgroup of its own, and
// `attention_reduce` puts them together. With STATS it also tells how each head spread its attention;
// the output is the same.
#import parts

@group(0) @binding(_) var<storage, read> queries: array<Part>;
@group(0) @binding(_) var<storage, read> k_cache: array<Cached>;
@group(0) @binding(_) var<storage, read> v_cache: array<Cached>;
#import attention

var<workgroup> query: array<Values, ROWS * PARTS>;
// Of the keys of a page: scores, then weights. Lanes of several queries begin in memory banks of their own.
var<workgroup> weights: array<f32, ROWS * WEIGHTS>;
const WEIGHTS: u32 = LANES + ROW_LANES;
// The highest score that each lane saw.
var<workgroup> highest: array<f32, LANES>;
// Of each query.
var<workgroup> rescales: array<f32, ROWS>;
// Of each lane, then of all of the query of a lane.
var<workgroup> lane_sums: array<Sums, LANES>;
#if CACHE_Q8
var<workgroup> value_scales: array<f32, LANES>;
#end

// Which of `keys` a query at `position` sees.
fn seen_of(keys: vec2<u32>, position: u32) -> vec2<u32> {
    let n_keys = position + 1u;
#if WINDOW
    return vec2<u32>(max(keys.x, n_keys - min(n_keys, WINDOW_KEYS)), min(keys.y, n_keys));
#else
    return vec2<u32>(keys.x, min(keys.y, n_keys));
#end
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_head = group.x / SPLITS * SHARE;
    let split = group.x % SPLITS;
    let kv_head = first_head / GROUP;
    let first_token = group.y * TOKENS;
    let last_token = min(first_token + TOKENS, step.n_tokens) - 1u;
    let row = step.rows[first_token];
    let last_position = row.position + last_token - first_token;
    // From the first that any of the tokens sees to the last.
    let keys = vec2<u32>(keys_of(row.position, split).x, keys_of(last_position, split).y);
    if (keys.x >= keys.y) {
        return;
    }

    for (var i = lane; i < ROWS * PARTS; i += LANES) {
        let at = i / PARTS;
        // A token past the last takes its place, and leaves nothing.
        let token = min(first_token + at / SHARE, last_token);
        let head = first_head + at % SHARE;
        query[i] = from_part(queries[(token * HEADS + head) * PARTS + i % PARTS]) * SCALE;
    }
    // Where a lane is one of a query's, it is of this one, and has every ROW_LANES-th key from this one on; of a
    // page the last lanes may have none.
    let my_row = min(lane / ROW_LANES, ROWS - 1u);
    let my_first = select(LANES, lane % ROW_LANES, lane < ROWS * ROW_LANES);
    let my_keys = seen_of(keys, row.position + my_row / SHARE);
    let my_weights = my_row * WEIGHTS;
    var sums = Sums(LOWEST, 0.0, 0.0, LOWEST, NOBODY);
    // Where it is a part of the dimensions, it is this one, of every ROW_GROUPS-th query.
    let part_lane = lane % PART_LANES;
    let row_group = lane / PART_LANES;
#for d in ROUNDS
#for k in GROUP_ROWS
    var sum_$d_$k = Values();
#end
#end
    workgroupBarrier();

    // A page has LANES positions; those of the first one that lie before the window are left out.
    for (var first = keys.x - keys.x % LANES; first < keys.y; first += LANES) {
        let page = cached_head(row.sequence, first, kv_head);
        let key = first + lane;
#for r in ROWS
        var score_$r = 0.0;
#end
        if (key >= keys.x && key < keys.y) {
            let key_at = (page + lane) * CACHED_HEAD;
            for (var i = 0u; i < PARTS; i++) {
                let part = from_cached(k_cache[key_at + i]);
#for r in ROWS
                score_$r += dot(query[$ru * PARTS + i], part);
#end
            }
#if CACHE_Q8
            let key_scale = bitcast<f32>(k_cache[key_at + PARTS]);
            value_scales[lane] = bitcast<f32>(v_cache[key_at + PARTS]);
#for r in ROWS
            score_$r *= key_scale;
#end
#end
        }
#for r in ROWS
        weights[$ru * WEIGHTS + lane] = score_$r;
#end
        workgroupBarrier();

        var my_highest = LOWEST;
#if STATS
        var my_best = NOBODY;
#end
        for (var j = my_first; j < LANES; j += ROW_LANES) {
            if (first + j >= my_keys.x && first + j < my_keys.y) {
                let score = weights[my_weights + j];
#if STATS
                my_best = select(my_best, first + j, score > my_highest);
                sums.first_score = select(sums.first_score, score, first + j == 0u);
#end
                my_highest = max(my_highest, score);
            }
        }
        highest[lane] = my_highest;
        workgroupBarrier();

        var now_highest = sums.highest;
        for (var i = 0u; i < ROW_LANES; i++) {
            now_highest = max(now_highest, highest[my_row * ROW_LANES + i]);
        }
        let rescale = exp(sums.highest - now_highest);
#if STATS
        sums.spread = rescale * (sums.spread + (sums.highest - now_highest) * sums.total);
        if (now_highest > sums.highest) {
            sums.best_key = select(NOBODY, my_best, my_highest == now_highest);
        }
#end
        sums.total *= rescale;
        sums.highest = now_highest;
        if (my_first == 0u) {
            rescales[my_row] = rescale;
        }
        for (var j = my_first; j < LANES; j += ROW_LANES) {
            var weight = 0.0;
            if (first + j >= my_keys.x && first + j < my_keys.y) {
                let below = weights[my_weights + j] - now_highest;
                weight = exp(below);
                sums.total += weight;
#if STATS
                sums.spread += weight * below;
#end
            }
            weights[my_weights + j] = weight;
        }
        workgroupBarrier();

        if (row_group < ROW_GROUPS) {
#for k in GROUP_ROWS
            let row_$k = row_group + $ku * ROW_GROUPS;
#end
            let begin = max(keys.x, first) - first;
            let end = min(LANES, keys.y - first);
#for d in ROUNDS
            if (part_lane + $du * LANES < PARTS) {
#for k in GROUP_ROWS
                sum_$d_$k *= rescales[row_$k];
#end
                var value_at = (page + begin) * CACHED_HEAD + part_lane + $du * LANES;
                for (var j = begin; j < end; j++) {
#if CACHE_Q8
                    let value = from_cached(v_cache[value_at]) * value_scales[j];
#else
                    let value = from_cached(v_cache[value_at]);
#end
#for k in GROUP_ROWS
                    sum_$d_$k += weights[row_$k * WEIGHTS + j] * value;
#end
                    value_at += CACHED_HEAD;
                }
            }
#end
        }
        // The next page overwrites the weights.
        workgroupBarrier();
    }
    lane_sums[lane] = sums;
    workgroupBarrier();
    if (my_first == 0u) {
        for (var i = 1u; i < ROW_LANES; i++) {
            sums = joined(sums, lane_sums[lane + i]);
        }
        lane_sums[lane] = sums;
    }
    for (var r = 0u; r < ROWS; r++) {
        let token = first_token + r / SHARE;
        if (token > last_token) {
            break;
        }
        if (row_group == r % ROW_GROUPS) {
#for d in ROUNDS
            if (part_lane + $du * LANES < PARTS) {
                var sum_$d = sum_$d_0;
#for k in GROUP_ROWS
                sum_$d = select(sum_$d, sum_$d_$k, r / ROW_GROUPS == $ku);
#end
#for j in WIDTH
                mixed[WIDTH * (part_lane + $du * LANES) + $ju] = sum_$d[$ju];
#end
            }
#end
        }
        workgroupBarrier();
        leave(lane, token, first_head + r % SHARE, split, lane_sums[r * ROW_LANES]);
        // The next query takes the same place.
        workgroupBarrier();
    }
}

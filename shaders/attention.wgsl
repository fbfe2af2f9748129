// out[t, h, :] = Σ_j softmax_j(q[t, h] · k[j, h / GROUP] · SCALE) v[j, h / GROUP],  j ≤ position of t
//
// Causal grouped-query attention (arXiv 2305.13245) with the online softmax of FlashAttention
// (arXiv 2205.14135). With WINDOW only the last WINDOW_KEYS positions are seen.
//
// One workgroup per TOKENS tokens, which follow one another in a sequence, and SHARE query heads, which see the
// same keys and values: ROWS queries in all, for which each key and each value is loaded once. It walks over the keys
// page by page: first a lane is a key, for the scores; then a query, for their maximum and sum; then a part of the
// dimensions of some queries, for the values.
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
// Of the keys of a page: scores, then weights.
var<workgroup> weights: array<f32, ROWS * LANES>;
// Of each query.
var<workgroup> highest: array<f32, ROWS>;
var<workgroup> rescales: array<f32, ROWS>;
var<workgroup> row_sums: array<Sums, ROWS>;
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
    // Where a lane is a query, it is this one.
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
        let seen_$r = seen_of(keys, row.position + $ru / SHARE);
        score_$r = select(LOWEST, score_$r, key >= seen_$r.x && key < seen_$r.y);
        weights[$ru * LANES + lane] = score_$r;
#end
        workgroupBarrier();

        let begin = max(keys.x, first) - first;
        let n_here = min(LANES, keys.y - first);
        if (lane < ROWS) {
            var now_highest = sums.highest;
            for (var j = begin; j < n_here; j++) {
                let score = weights[lane * LANES + j];
#if STATS
                sums.best_key = select(sums.best_key, first + j, score > now_highest);
                sums.first_score = select(sums.first_score, score, first + j == 0u);
#end
                now_highest = max(now_highest, score);
            }
            let rescale = exp(sums.highest - now_highest);
#if STATS
            sums.spread = rescale * (sums.spread + (sums.highest - now_highest) * sums.total);
#end
            sums.total *= rescale;
            sums.highest = now_highest;
            rescales[lane] = rescale;
            highest[lane] = now_highest;
        }
        workgroupBarrier();

#for r in ROWS
        weights[$ru * LANES + lane] =
            select(0.0, exp(score_$r - highest[$r]), key >= seen_$r.x && key < seen_$r.y);
#end
        workgroupBarrier();

        if (lane < ROWS) {
            for (var j = begin; j < n_here; j++) {
                let weight = weights[lane * LANES + j];
                sums.total += weight;
#if STATS
                // The score is the logarithm.
                sums.spread += select(0.0, weight * log(weight), weight > 1e-30);
#end
            }
        }
        if (row_group < ROW_GROUPS) {
#for k in GROUP_ROWS
            let row_$k = row_group + $ku * ROW_GROUPS;
#end
#for d in ROUNDS
            if (part_lane + $du * LANES < PARTS) {
#for k in GROUP_ROWS
                sum_$d_$k *= rescales[row_$k];
#end
                var value_at = (page + begin) * CACHED_HEAD + part_lane + $du * LANES;
                for (var j = begin; j < n_here; j++) {
#if CACHE_Q8
                    let value = from_cached(v_cache[value_at]) * value_scales[j];
#else
                    let value = from_cached(v_cache[value_at]);
#end
#for k in GROUP_ROWS
                    sum_$d_$k += weights[row_$k * LANES + j] * value;
#end
                    value_at += CACHED_HEAD;
                }
            }
#end
        }
        // The next page overwrites the weights.
        workgroupBarrier();
    }
    if (lane < ROWS) {
        row_sums[lane] = sums;
    }
#for k in GROUP_ROWS
    for (var g = 0u; g < ROW_GROUPS; g++) {
        if (row_group == g) {
#for d in ROUNDS
            if (part_lane + $du * LANES < PARTS) {
#for j in WIDTH
                mixed[WIDTH * (part_lane + $du * LANES) + $ju] = sum_$d_$k[$ju];
#end
            }
#end
        }
        workgroupBarrier();
        let at = g + $ku * ROW_GROUPS;
        let token = first_token + at / SHARE;
        if (token <= last_token) {
            leave(lane, token, first_head + at % SHARE, split, row_sums[at]);
        }
        // The next query takes the same place.
        workgroupBarrier();
    }
#end
}

// out[t, h, :] = Σ_j softmax_j(q[t, h] · k[j, h / GROUP] · SCALE) v[j, h / GROUP],
// over the positions j from max(0, p - WINDOW_KEYS + 1) to p, where p is the position of token t
//
// Causal grouped-query attention (arXiv 2305.13245) for the tokens of a prompt, by tiles as in FlashAttention-2
// (arXiv 2307.08691) with online softmax (arXiv 2205.14135).
//
// A workgroup has a tile of ROWS queries that read the same KV head: TOKENS consecutive tokens times SHARE query
// heads of a KV group. It goes through the KV cache page by page. Each key and each value is loaded once for the
// whole tile, by neighbouring invocations, into workgroup memory. For scores an invocation has 4 queries times
// LANE_KEYS keys; for values it has 4 · VALUE_GROUPS queries times one quad of dimensions.
#import value_quads, quad_products, query_tile

// For `cargo xtask isa`, of the loop that sums scores, with its loads: an invocation has a part of the dimensions of
// 4 · LANE_KEYS query-key pairs. Padding rows of the tile do not count.
const PAIRS_PER_TRIP: f32 =
    f32(4u * LANE_KEYS) * f32(TOKENS * SHARE) / f32(ROWS) / f32((QUADS + 3u) / 4u);
const FUSED_PER_TRIP: u32 = 4u * LANE_KEYS * 16u;

// [tokens, HEADS, HEAD_DIM], each head in the order of the KV cache.
@binding(queries) var<storage, read> queries: array<QueryElement>;
// [pages, KV_HEADS, PAGE, CACHED_HEAD] each.
@binding(k_cache) var<storage, read> k_cache: array<CachedElement>;
@binding(v_cache) var<storage, read> v_cache: array<CachedElement>;
// The tokens of the pass and the page tables.
@binding(step) var<storage, read> step: Step;
// [tokens, OUT_STRIDE / 2] pairs of neighbouring dimensions.
@binding(out) var<storage, read_write> out: array<Pair>;
// [tokens, HEADS]
@binding(stats) var<storage, read_write> stats: array<HeadStats>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_head = group.x * SHARE;
    let kv_head = first_head / GROUP;
    let first_token = group.y * TOKENS;
    let more_tokens = min(TOKENS, step.n_tokens - first_token) - 1u;
    let place = step.rows[first_token];
    // The keys that any query of the tile attends to.
    let n_keys = place.position + more_tokens + 1u;
    let first_key = first_seen(place.position);

    // Scores: four queries, and every KEY_LANES-th key of a page.
    let row_group = lane / KEY_LANES;
    let key_lane = lane % KEY_LANES;
    let rows = 4u * row_group + vec4<u32>(0u, 1u, 2u, 3u);
    let positions = place.position + min(rows / SHARE, vec4<u32>(more_tokens));
    var softmax = no_keys();
    // Loads of queries: one of the four quads of a query that are staged at once.
    let loaded_row = min(lane / 4u, ROWS - 1u);
    let loaded_token = first_token + min(loaded_row / SHARE, more_tokens);
    let loaded_query = loaded_token * HEADS + first_head + loaded_row % SHARE;
    // Values: one quad, and VALUE_GROUPS groups of four queries. Column r of a matrix belongs to query r.
    let quad = min(lane % QUAD_LANES, QUADS - 1u);
    let value_lane = lane / QUAD_LANES;
    let value_group = min(value_lane * VALUE_GROUPS, ROW_GROUPS - VALUE_GROUPS);
#for g in VALUE_GROUPS
    var mixed_$g = mat4x4<f32>();
#end

    for (var first = first_key - first_key % PAGE; first < n_keys; first += PAGE) {
        let page = cached_head(place.sequence, first, kv_head);
#for j in LANE_KEYS
        var scores_$j = vec4<f32>(0.0);
#end
        for (var chunk = 0u; chunk < QUADS; chunk += 4u) {
            let i = min(chunk + lane % 4u, QUADS - 1u);
            let is_there = chunk + lane % 4u < QUADS;
            let query = query_quad(loaded_query, i);
            let key_0 = key_quad(page + lane / 4u, i);
            let key_1 = key_quad(page + (LANES + lane) / 4u, i);
            workgroupBarrier();
            if (lane < 4u * ROWS) {
                let there = select(vec4<f32>(0.0), query, is_there);
                tile[lane % 4u * 4u + loaded_row % 4u][loaded_row / 4u] = there;
            }
            staged[lane % 4u][lane / 4u] = select(vec4<f32>(0.0), from_cached(key_0), is_there);
            staged[lane % 4u][(LANES + lane) / 4u] = select(vec4<f32>(0.0), from_cached(key_1), is_there);
            workgroupBarrier();
#for c in 4
            let quads_$c = array<vec4<f32>, 4>(tile[4 * $c][row_group], tile[4 * $c + 1][row_group],
                tile[4 * $c + 2][row_group], tile[4 * $c + 3][row_group]);
    #for j in LANE_KEYS
            scores_$j = add_products(quads_$c, staged[$c][$ju * KEY_LANES + key_lane], scores_$j);
    #end
#end
        }
        // The scores were read from the memory that is written next.
        workgroupBarrier();

        var highest = softmax.highest;
#for j in LANE_KEYS
        let key_$j = first + $ju * KEY_LANES + key_lane;
        let seen_$j = sees(positions, key_$j);
        scores_$j *= SCALE * key_scale(page + key_$j - first);
        highest = max(highest, select(vec4<f32>(LOWEST), scores_$j, seen_$j));
#end
        let rescale = raise(&softmax, highest_of_rows(row_group, key_lane, highest));
        if (key_lane == 0u) {
            factors[row_group] = rescale;
        }
#for j in LANE_KEYS
        let weights_$j = add_key(&softmax, key_$j, scores_$j, seen_$j);
        let scales_$j = vec4<f32>(value_scale(page + key_$j - first));
        tile[key_$j - first][row_group] = select(vec4<f32>(0.0), weights_$j * scales_$j, seen_$j);
#end

        workgroupBarrier();
#for g in VALUE_GROUPS
        mixed_$g = scaled(mixed_$g, factors[value_group + $g]);
#end
        for (var chunk = first; chunk < min(first + PAGE, n_keys); chunk += VALUE_KEYS) {
#for s in VALUE_LOADS
            let at_$s = $su * LANES + lane;
            let key_at_$s = chunk + at_$s / QUADS;
            let value_$s = value_quad(page + min(key_at_$s, n_keys - 1u) - first, at_$s % QUADS);
#end
            workgroupBarrier();
#for s in VALUE_LOADS
            if (at_$s < VALUE_KEYS * QUADS) {
                staged[at_$s / QUADS % 4u][at_$s / QUADS / 4u * QUADS + at_$s % QUADS] = from_cached(value_$s);
            }
#end
            workgroupBarrier();
            for (var i = 0u; i < VALUE_KEYS / 4u; i++) {
#for k in 4
                let mixed_value_$k = staged[$k][i * QUADS + quad];
    #for g in VALUE_GROUPS
                mixed_$g += weighted(mixed_value_$k, tile[chunk - first + 4u * i + $ku][value_group + $g]);
    #end
#end
            }
        }
        workgroupBarrier();
    }

    store_sums(row_group, key_lane, rows, first_token, first_head, softmax, more_tokens);
    // One query of each value group at a time goes through workgroup memory, to restore the order of dimensions.
#for g in VALUE_GROUPS, r in 4
    workgroupBarrier();
    if (value_lane < VALUE_LANES && lane % QUAD_LANES < QUADS) {
        staged[value_lane % 4u][value_lane / 4u * QUADS + quad] = mixed_$g[$r];
    }
    workgroupBarrier();
    store_rows(lane, 4u * $g + $r, first_token, first_head, more_tokens);
#end
}

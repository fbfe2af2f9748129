// out[t, h, :] = Σ_j softmax_j(q[t, h] · k[j, h / GROUP] · SCALE) v[j, h / GROUP],
// over the positions j from max(0, p - WINDOW_KEYS + 1) to p, where p is the position of token t
//
// Causal grouped-query attention (arXiv 2305.13245) for one token of each sequence, with online softmax
// (arXiv 2205.14135) and the keys split among workgroups (https://pytorch.org/blog/flash-decoding/).
//
// A workgroup has SHARE query heads of a KV group and one of SPLITS splits of the keys of a token. It goes through
// the KV cache page by page. Each key and each value is loaded once for all its queries, by neighbouring invocations:
// keys through workgroup memory, from where an invocation takes one key for the scores of all queries, values
// straight to an invocation that has one quad of dimensions of every KEY_GROUPS-th key.
// With SPLIT `attention/reduce` combines the splits.
#import value_quads, online_softmax, quad_products, across_lanes, attention

// [tokens, HEADS, HEAD_DIM], each head in the order of the KV cache.
@binding(queries) var<storage, read> queries: array<QueryElement>;
// [pages, KV_HEADS, PAGE, CACHED_HEAD] each.
@binding(k_cache) var<storage, read> k_cache: array<CachedElement>;
@binding(v_cache) var<storage, read> v_cache: array<CachedElement>;

const ROWS: u32 = 4u * ROW_GROUPS;
// For `cargo xtask isa`, of the loop that sums scores: an invocation has a quad of dimensions of SHARE query-key
// pairs. The loop over values has more products.
const PAIRS_PER_TRIP: f32 = f32(SHARE) / f32(QUADS);
const FUSED_PER_TRIP: u32 = 4u * ROWS;

// [QUADS, ROWS]: the queries, and finally Σ weight · value of each.
var<workgroup> query: array<array<vec4<f32>, ROWS>, QUADS>;
// [CHUNK, PAGE keys], padded against bank conflicts.
var<workgroup> staged: array<array<CachedQuad, PAGE + 2u>, CHUNK>;
// [PAGE keys, ROW_GROUPS]: the weights of four queries per vec4, followed by zeros. Before the weights are known, and
// after all keys, scratch for reductions: [LANES, ROW_GROUPS].
var<workgroup> weights: array<array<vec4<f32>, ROW_GROUPS>, LANES + 4u * KEY_GROUPS>;

fn mixed_at(row: u32, place: u32) -> f32 { return query[place / 4u][row][place % 4u]; }

// Stores columns of results over the queries, or with `add` adds them.
fn add_rows(quad: u32, first_row: u32, columns: mat4x4<f32>, add: bool) {
#for r in 4
    let before_$r = select(vec4<f32>(0.0), query[quad][first_row + $r], add);
    query[quad][first_row + $r] = before_$r + columns[$r];
#end
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_head = group.x / SPLITS * SHARE;
    let split = group.x % SPLITS;
    let token = group.y;
    let place = step.rows[token];
    let keys = keys_of(place.position, split);
    if (keys.x >= keys.y) {
        return;
    }
    // Rows past SHARE repeat the last query.
    for (var i = lane; i < ROWS * QUADS; i += LANES) {
        let head = token * HEADS + first_head + min(i / QUADS, SHARE - 1u);
        query[i % QUADS][i / QUADS] = query_quad(head, i % QUADS) * SCALE;
    }
    let slot = min(lane, PAGE - 1u);
    let quad = lane % QUADS;
    let key_group = lane / QUADS;
#for g in ROW_GROUPS
    var softmax_$g = no_keys();
    // Column r belongs to query 4 · g + r.
    var mixed_$g = mat4x4<f32>();
    weights[LANES + lane % (4u * KEY_GROUPS)][$g] = vec4<f32>(0.0);
#end

    for (var first = keys.x - keys.x % PAGE; first < keys.y; first += PAGE) {
        let page = cached_head(place.sequence, first, first_head / GROUP);
        let key = first + lane;
        let seen = vec4<bool>(lane < PAGE && key >= keys.x && key < keys.y);
#for g in ROW_GROUPS
        var scores_$g = vec4<f32>(0.0);
#end
        for (var chunk = 0u; chunk < QUADS; chunk += CHUNK) {
            workgroupBarrier();
            for (var i = lane; i < PAGE * CHUNK; i += 4u * LANES) {
#for s in 4
                let at_$s = i + $su * LANES;
                let key_$s = key_quad(page + at_$s / CHUNK, min(chunk + at_$s % CHUNK, QUADS - 1u));
#end
#for s in 4
                staged[at_$s % CHUNK][at_$s / CHUNK] = key_$s;
#end
            }
            workgroupBarrier();
            for (var i = chunk; i < min(chunk + CHUNK, QUADS); i++) {
                let key_quad = from_cached(staged[i - chunk][slot]);
#for g in ROW_GROUPS
                let quads_$g = array<vec4<f32>, 4>(
                    query[i][4 * $g], query[i][4 * $g + 1], query[i][4 * $g + 2], query[i][4 * $g + 3]);
                scores_$g = add_products(quads_$g, key_quad, scores_$g);
#end
            }
        }
        let scale = key_scale(page + slot);
#for g in ROW_GROUPS
        scores_$g = select(vec4<f32>(LOWEST), scores_$g * scale, seen);
        let highest_$g = max(softmax_$g.highest, highest_of_lanes(lane, $g, scores_$g));
        mixed_$g = scaled(mixed_$g, raise(&softmax_$g, highest_$g));
        let weights_$g = add_key(&softmax_$g, key, scores_$g, seen);
        weights[lane][$g] = select(vec4<f32>(0.0), weights_$g * value_scale(page + slot), seen);
#end
        workgroupBarrier();
        let end = min(PAGE, keys.y - first);
        let begin = select(PAGE, max(keys.x, first) - first + key_group, key_group < KEY_GROUPS);
        for (var i = begin; i < end; i += 4u * KEY_GROUPS) {
#for u in 4
            let value_$u = value_quad(page + min(i + $u * KEY_GROUPS, end - 1u), quad);
#end
#for u in 4
            let quad_$u = from_cached(value_$u);
    #for g in ROW_GROUPS
            mixed_$g += weighted(quad_$u, weights[i + $u * KEY_GROUPS][$g]);
    #end
#end
        }
    }

    for (var k = 0u; k < KEY_GROUPS; k++) {
        workgroupBarrier();
        if (key_group == k) {
#for g in ROW_GROUPS
            add_rows(quad, 4u * $g, mixed_$g, k > 0u);
#end
        }
    }
#for g in ROW_GROUPS
    store_sums(lane, $g, softmax_$g);
#end
    workgroupBarrier();
    for (var r = 0u; r < SHARE; r++) {
        store_head(lane, token, first_head + r, split, r, row_sums[r]);
    }
}

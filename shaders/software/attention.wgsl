// out[t, h, :] = Σ_j softmax_j(q[t, h] · k[j, h / GROUP] · SCALE) v[j, h / GROUP]
//
// The same as `attention/token`, with online softmax (arXiv 2205.14135), for software adapters whose KV cache is a
// texture. The LANES invocations are a subgroup. For scores an invocation has a key; for values it has some of the
// dimensions, so that the sums of SHARE query heads, which share keys and values, stay in its registers.
// subgroupBroadcast shares values among the invocations, which is faster here than memory.
//
// One workgroup per token and SHARE heads, with SPLIT also per split of the keys.
#import query_quads, texels, attention

// [tokens, HEADS, HEAD_DIM], each head in the order of the KV cache.
@binding(queries) var<storage, read> queries: array<QueryElement>;
// [pages, KV_HEADS, PAGE, TEXELS] each.
@binding(k_cache) var k_cache: Texture;
@binding(v_cache) var v_cache: Texture;

// [QUADS]: Σ weight · value of a query.
var<workgroup> mixed: array<vec4<f32>, QUADS>;

fn mixed_at(row: u32, place: u32) -> f32 { return mixed[place / 4u][place % 4u]; }

// The maximum over the lanes.
fn most(mine: f32) -> f32 {
    var most = mine;
#for l in LANES
    most = max(most, subgroupBroadcast(mine, $lu));
#end
    return most;
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
    // Each lane has some parts of the query.
    var mine_$h: array<vec4<f32>, QUERY_ROUNDS>;
    #for s in QUERY_ROUNDS
    mine_$h[$su] =
        query_quad(first_query + $hu, min($su * LANES + lane, QUADS - 1u)) * SCALE;
    #end
    var highest_$h = LOWEST;
    // Statistics of this lane's keys.
    var sums_$h = Sums(LOWEST, 0.0, 0.0, LOWEST, NO_KEY);
    #for d in ROUNDS, q in TEXEL_QUADS
    var values_$h_$d_$q = vec4<f32>(0.0);
    #end
#end

    for (var first = keys.x - keys.x % LANES; first < keys.y; first += LANES) {
        let key = first + lane;
        let seen = key >= keys.x && key < keys.y;
        // A lane without a key loads another lane's, and does not count it.
        let own = clamp(key, keys.x, keys.y - 1u);
        let at = cached_head(row.sequence, own, kv_head) * TEXELS;
#for h in SHARE
        var score_$h = 0.0;
#end
#for t in TEXELS
        let key_$t = texel_of(k_cache, at + $tu);
    #for q in TEXEL_QUADS, h in SHARE
        score_$h += dot(texel_quad_$q(key_$t), subgroupBroadcast(
            mine_$h[($tu * TEXEL_QUADS + $qu) / LANES], ($tu * TEXEL_QUADS + $qu) % LANES));
    #end
#end
#for h in SHARE
        score_$h = select(LOWEST, score_$h, seen);
        let now_highest_$h = max(highest_$h, most(score_$h));
        let rescale_$h = exp(highest_$h - now_highest_$h);
        let weight_$h = select(0.0, exp(score_$h - now_highest_$h), seen);
    #if STATS
        sums_$h.spread = weight_$h * (score_$h - now_highest_$h)
            + rescale_$h * (sums_$h.spread + (highest_$h - now_highest_$h) * sums_$h.total);
        sums_$h.best_key = select(sums_$h.best_key, f32(key), score_$h > sums_$h.highest);
        sums_$h.highest = max(sums_$h.highest, score_$h);
        sums_$h.first_score = select(sums_$h.first_score, score_$h, key == 0u);
    #end
        sums_$h.total = sums_$h.total * rescale_$h + weight_$h;
        highest_$h = now_highest_$h;
    #for d in ROUNDS, q in TEXEL_QUADS
        values_$h_$d_$q *= rescale_$h;
    #end
#end
#for j in LANES
        let at_$j = subgroupBroadcast(at, $ju);
    #for h in SHARE
        let weight_$j_$h = subgroupBroadcast(weight_$h, $ju);
    #end
    #for d in ROUNDS
        let value_$j_$d = texel_of(v_cache, at_$j + min($du * LANES + lane, TEXELS - 1u));
    #end
    #for d in ROUNDS, q in TEXEL_QUADS, h in SHARE
        values_$h_$d_$q += texel_quad_$q(value_$j_$d) * weight_$j_$h;
    #end
#end
    }

#for h in SHARE
    var all_$h = Sums(highest_$h, subgroupAdd(sums_$h.total), 0.0, LOWEST, NO_KEY);
    #if STATS
    all_$h.spread = subgroupAdd(sums_$h.spread);
    all_$h.first_score = subgroupMax(sums_$h.first_score);
    all_$h.best_key =
        subgroupMin(select(NO_KEY, sums_$h.best_key, sums_$h.highest == highest_$h));
    #end
    #for d in ROUNDS, q in TEXEL_QUADS
    if ($du * LANES + lane < TEXELS) {
        mixed[($du * LANES + lane) * TEXEL_QUADS + $qu] = values_$h_$d_$q;
    }
    #end
    workgroupBarrier();
    store_head(lane, group.y, first_head + $hu, split, 0u, all_$h);
    // The next head reuses this memory.
    workgroupBarrier();
#end
}

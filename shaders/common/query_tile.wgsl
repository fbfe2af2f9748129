// The tile of queries of a workgroup of `attention/prompt`: its workgroup memory, and the storing of its results. Row
// r of the tile is query head r % SHARE of token r / SHARE; the last rows may be padding.
//
// Invocations are a grid of ROW_GROUPS row groups, of four rows each, times KEY_LANES key lanes.
#import cached_head, kv_cache, head_stats, online_softmax

// Keys, [4 quads, PAGE keys], or values, [4, VALUE_KEYS / 4, QUADS]: value j is in row j % 4. Rows are padded against
// bank conflicts.
var<workgroup> staged: array<array<vec4<f32>, STAGED_ROW>, 4>;
// Queries, [4 quads, 4, ROW_GROUPS]; or a vec4 of each invocation, [KEY_LANES, ROW_GROUPS]; or the weights of four
// queries, [PAGE keys, ROW_GROUPS]. Padded as well.
var<workgroup> tile: array<array<vec4<f32>, ROW_GROUPS + 1u>, PAGE>;
// Per row: the factor on the sums of earlier pages, and finally the sum of its weights.
var<workgroup> factors: array<vec4<f32>, ROW_GROUPS>;

// The maximum over the invocations of a row group; all invocations call it together.
fn highest_of_rows(row_group: u32, key_lane: u32, mine: vec4<f32>) -> vec4<f32> {
    tile[key_lane][row_group] = mine;
    workgroupBarrier();
    var highest = mine;
    for (var i = 0u; i < KEY_LANES; i++) {
        highest = max(highest, tile[i][row_group]);
    }
    workgroupBarrier();
    return highest;
}

fn sum_of_rows(row_group: u32, key_lane: u32, mine: vec4<f32>) -> vec4<f32> {
    tile[key_lane][row_group] = mine;
    workgroupBarrier();
    var sum = vec4<f32>(0.0);
    for (var i = 0u; i < KEY_LANES; i++) {
        sum += tile[i][row_group];
    }
    workgroupBarrier();
    return sum;
}

// Whether a row is a query of one of the tile's tokens, of which there are `more_tokens` after the first.
fn is_query(row: u32, more_tokens: u32) -> bool {
    return row < TOKENS * SHARE && row / SHARE <= more_tokens;
}

// Stores the sums of weights of `rows` to `factors`, and the HeadStats.
fn store_sums(
    row_group: u32, key_lane: u32, rows: vec4<u32>, first_token: u32, first_head: u32, softmax: Softmax,
    more_tokens: u32,
) {
    let total = sum_of_rows(row_group, key_lane, softmax.total);
    if (key_lane == 0u) {
        factors[row_group] = total;
    }
#if STATS
    let spread = sum_of_rows(row_group, key_lane, softmax.spread);
    let first_score = highest_of_rows(row_group, key_lane, softmax.first_score);
    let best_key = -highest_of_rows(row_group, key_lane, -softmax.best_key);
    let r = key_lane % 4u;
    let row = rows[r];
    if (key_lane < 4u && is_query(row, more_tokens)) {
        stats[(first_token + row / SHARE) * HEADS + first_head + row % SHARE] =
            head_stats(softmax.highest[r], total[r], spread[r], u32(best_key[r]), first_score[r]);
    }
#end
}

// Dimension `dim` of the values that an invocation stored to `staged`.
fn mixed_at(value_lane: u32, dim: u32) -> f32 {
    let place = place_of(dim);
    return staged[value_lane % 4u][value_lane / 4u * QUADS + place / 4u][place % 4u];
}

// Stores row `first_row` of each value group, Σ weight · value, from `staged`.
fn store_rows(lane: u32, first_row: u32, first_token: u32, first_head: u32, more_tokens: u32) {
    for (var i = lane; i < VALUE_LANES * PAIRS; i += LANES) {
        let value_lane = i / PAIRS;
        let row = 4u * VALUE_GROUPS * value_lane + first_row;
        if (is_query(row, more_tokens)) {
            let head = (first_token + row / SHARE) * OUT_STRIDE + (first_head + row % SHARE) * HEAD_DIM;
            let dim = 2u * (i % PAIRS);
            let pair = vec2<f32>(mixed_at(value_lane, dim), mixed_at(value_lane, dim + 1u));
            out[(head + dim) / 2u] = to_pair(pair / factors[row / 4u][row % 4u]);
        }
    }
}

// Rotates a pair of dimensions of a head of queries, keys or values. Queries are stored to `query`; the importing
// fragment stores keys and values to the KV cache.
//
// Rotary embedding in the half-split form of transformers' `rotate_half`: of the 2 · ROPE_PAIRS rotated dimensions, i
// and i + ROPE_PAIRS are rotated together, by the angle that `rope` has as (cos, sin) for each position and i (arXiv
// 2104.09864).
//
// A token's queries begin at 0, its keys at K_OFFSET, its values at V_OFFSET.
#import cached_head, kv_cache

// [positions, ROPE_PAIRS]: (cos, sin).
@binding(rope) var<storage, read> rope: array<vec2<f32>>;
// [tokens, HEADS, PAIRS]
@binding(query) var<storage, read_write> query: array<Pair>;
// The tokens of the pass and the page tables.
@binding(step) var<storage, read> step: Step;
// [tokens, 2 · KV_HEADS, PAIRS]: a copy of the new keys and values as stored in the cache.
@binding(kept_kv) var<storage, read_write> kept_kv: array<Pair>;

// Offset of a head; the heads of queries come first, then those of keys, then those of values.
fn head_start(head: u32) -> u32 {
    if (head < HEADS) {
        return head * HEAD_DIM;
    }
    if (head < HEADS + KV_HEADS) {
        return K_OFFSET + (head - HEADS) * HEAD_DIM;
    }
    return V_OFFSET + (head - HEADS - KV_HEADS) * HEAD_DIM;
}

// Pair `i` of a head in the order of attention.
fn turned(position: u32, head: u32, i: u32, values: vec2<f32>) -> vec2<f32> {
    // Rounded as if it had been stored, as between separate kernels.
    let pair = from_pair(to_pair(values));
#if ROPE
    if (head < HEADS + KV_HEADS && i < ROPE_PAIRS) {
        let turn = rope[position * ROPE_PAIRS + i];
        return vec2<f32>(pair.x * turn.x - pair.y * turn.y, pair.y * turn.x + pair.x * turn.y);
    }
#end
    return pair;
}

fn keep_query(token: u32, head: u32, i: u32, pair: vec2<f32>) {
    query[(token * HEADS + head) * PAIRS + i] = to_pair(pair);
}

fn keep_kv(token: u32, head: u32, i: u32, pair: vec2<f32>) {
#if KEEP_KV
    kept_kv[(2u * token * KV_HEADS + head - HEADS) * PAIRS + i] = to_pair(pair);
#end
}

// Offset of head `head`, of keys or values, in its cache.
fn cached_at(token: u32, head: u32) -> u32 {
    let here = step.rows[token];
    return cached_head(here.sequence, here.position, (head - HEADS) % KV_HEADS) * CACHED_HEAD;
}

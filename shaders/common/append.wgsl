// What becomes of a pair of dimensions of a head of queries, keys or values: it turns, and goes to
// `query` or to the KV cache.
//
// Rotary embedding in the half-split form of transformers' `rotate_half`: of the 2 · ROPE_PAIRS
// dimensions that turn, i turns together with i + ROPE_PAIRS, by the angle that `rope` holds as
// (cos, sin) for each position and i (arXiv 2104.09864).
//
// A token's queries begin at 0, its keys at K_OFFSET, its values at V_OFFSET. query is
// (tokens, HEADS, PAIRS); the caches are (slots, KV_HEADS, PAIRS). With KEEP_KV the new keys and values
// also go to kept_kv, (tokens, 2 · KV_HEADS, PAIRS).
#import pages
#import kv_cache

#if ROPE
@group(0) @binding(_) var<storage, read> rope: array<vec2<f32>>;
#end
@group(0) @binding(_) var<storage, read_write> query: array<Pair>;
@group(0) @binding(_) var<storage, read_write> k_cache: array<Pair>;
@group(0) @binding(_) var<storage, read_write> v_cache: array<Pair>;
@group(0) @binding(_) var<storage, read> step: Step;
#if KEEP_KV
@group(0) @binding(_) var<storage, read_write> kept_kv: array<Pair>;
#end

// Where a head begins; heads of queries come first, then those of keys, then those of values.
fn head_start(head: u32) -> u32 {
    if (head < HEADS) {
        return head * HEAD_DIM;
    }
    if (head < HEADS + KV_HEADS) {
        return K_OFFSET + (head - HEADS) * HEAD_DIM;
    }
    return V_OFFSET + (head - HEADS - KV_HEADS) * HEAD_DIM;
}

fn append(token: u32, head: u32, i: u32, values: vec2<f32>) {
    let here = step.rows[token];
    let slot = cache_slot(here.sequence, here.position);
    // As if it had been stored in between, which a kernel of its own needs.
    var pair = from_pair(to_pair(values));
    if (head >= HEADS + KV_HEADS) {
        let kv_head = head - HEADS - KV_HEADS;
        v_cache[(slot * KV_HEADS + kv_head) * PAIRS + i] = to_pair(pair);
#if KEEP_KV
        kept_kv[((2u * token + 1u) * KV_HEADS + kv_head) * PAIRS + i] = to_pair(pair);
#end
        return;
    }
#if ROPE
    if (i < ROPE_PAIRS) {
        let turn = rope[here.position * ROPE_PAIRS + i];
        pair = vec2<f32>(pair.x * turn.x - pair.y * turn.y, pair.y * turn.x + pair.x * turn.y);
    }
#end
    if (head >= HEADS) {
        k_cache[(slot * KV_HEADS + head - HEADS) * PAIRS + i] = to_pair(pair);
#if KEEP_KV
        kept_kv[(2u * token * KV_HEADS + head - HEADS) * PAIRS + i] = to_pair(pair);
#end
    } else {
        query[(token * HEADS + head) * PAIRS + i] = to_pair(pair);
    }
}

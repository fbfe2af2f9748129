// Rotates queries, and appends rotated keys and plain values to the KV cache.
//
// Rotary embedding in the half-split form of transformers' `rotate_half`: of the 2 · ROPE_PAIRS
// dimensions that turn, i turns together with i + ROPE_PAIRS, by the angle that `rope` holds as
// (cos, sin) for each position and i (arXiv 2104.09864). One lane per pair of dimensions.
//
// qkv is (tokens, QKV_STRIDE): queries at 0, keys at K_OFFSET, values at V_OFFSET.
// query is (tokens, HEADS, PAIRS); the caches are (slots, KV_HEADS, PAIRS). With KEEP the new keys
// and values also go to kept, (tokens, 2 · KV_HEADS, PAIRS).
#import pages
#import kv_cache

@group(0) @binding(_) var<storage, read> qkv: array<Pair>;
#if ROPE
@group(0) @binding(_) var<storage, read> rope: array<vec2<f32>>;
#end
@group(0) @binding(_) var<storage, read_write> query: array<Pair>;
@group(0) @binding(_) var<storage, read_write> k_cache: array<Pair>;
@group(0) @binding(_) var<storage, read_write> v_cache: array<Pair>;
@group(0) @binding(_) var<storage, read> step: Step;
#if KEEP
@group(0) @binding(_) var<storage, read_write> kept: array<Pair>;
#end

fn value(at: u32) -> f32 {
    let pair = from_pair(qkv[at / 2u]);
    return select(pair.x, pair.y, at % 2u == 1u);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let work = group.x * LANES + lane;
    let head = work / PAIRS;
    let i = work % PAIRS;
    if (head >= HEADS + 2u * KV_HEADS) {
        return;
    }
    let row = group.y * QKV_STRIDE;
    let here = step.rows[group.y];
    let slot = cache_slot(here.sequence, here.position);
    let dims = pair_dims(i);

    if (head >= HEADS + KV_HEADS) {
        let kv_head = head - HEADS - KV_HEADS;
        let at = row + V_OFFSET + kv_head * HEAD_DIM;
        let pair = vec2<f32>(value(at + dims.x), value(at + dims.y));
        v_cache[(slot * KV_HEADS + kv_head) * PAIRS + i] = to_pair(pair);
#if KEEP
        kept[((2u * group.y + 1u) * KV_HEADS + kv_head) * PAIRS + i] = to_pair(pair);
#end
        return;
    }
    let is_key = head >= HEADS;
    var at = row + head * HEAD_DIM;
    if (is_key) {
        at = row + K_OFFSET + (head - HEADS) * HEAD_DIM;
    }
    var pair = vec2<f32>(value(at + dims.x), value(at + dims.y));
#if ROPE
    if (i < ROPE_PAIRS) {
        let turn = rope[here.position * ROPE_PAIRS + i];
        pair = vec2<f32>(pair.x * turn.x - pair.y * turn.y, pair.y * turn.x + pair.x * turn.y);
    }
#end
    if (is_key) {
        k_cache[(slot * KV_HEADS + head - HEADS) * PAIRS + i] = to_pair(pair);
#if KEEP
        kept[(2u * group.y * KV_HEADS + head - HEADS) * PAIRS + i] = to_pair(pair);
#end
    } else {
        query[(group.y * HEADS + head) * PAIRS + i] = to_pair(pair);
    }
}

// Rotates the queries in place, and appends rotated keys and plain values to the KV cache.
//
// Rotary embedding in the half-split form of transformers' `rotate_half`: dimension i of a head
// turns together with dimension i + HEAD_DIM / 2, by the angle that `rope` holds as (cos, sin)
// for each position and i (arXiv 2104.09864). One lane per pair.
//
// qkv is (tokens, QKV_STRIDE): queries at 0, keys at K_OFFSET, values at V_OFFSET.
// The caches are (positions, KV_HEADS * HEAD_DIM).
#import step

const HALF: u32 = HEAD_DIM / 2u;

@group(0) @binding(_) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(_) var<storage, read> rope: array<vec2<f32>>;
@group(0) @binding(_) var<storage, read_write> k_cache: array<f32>;
@group(0) @binding(_) var<storage, read_write> v_cache: array<f32>;
@group(0) @binding(_) var<storage, read> step: Step;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let pair = group.x * LANES + lane;
    let head = pair / HALF;
    let i = pair % HALF;
    if (head >= HEADS + 2u * KV_HEADS) {
        return;
    }
    let row = group.y * QKV_STRIDE;
    let position = step.position + group.y;
    let cache_row = position * (KV_HEADS * HEAD_DIM);

    if (head >= HEADS + KV_HEADS) {
        let inside = (head - HEADS - KV_HEADS) * HEAD_DIM + i;
        v_cache[cache_row + inside] = qkv[row + V_OFFSET + inside];
        v_cache[cache_row + inside + HALF] = qkv[row + V_OFFSET + inside + HALF];
        return;
    }
    let turn = rope[position * HALF + i];
    if (head >= HEADS) {
        let inside = (head - HEADS) * HEAD_DIM + i;
        let a = qkv[row + K_OFFSET + inside];
        let b = qkv[row + K_OFFSET + inside + HALF];
        k_cache[cache_row + inside] = a * turn.x - b * turn.y;
        k_cache[cache_row + inside + HALF] = b * turn.x + a * turn.y;
        return;
    }
    let at = row + head * HEAD_DIM + i;
    let a = qkv[at];
    let b = qkv[at + HALF];
    qkv[at] = a * turn.x - b * turn.y;
    qkv[at + HALF] = b * turn.x + a * turn.y;
}

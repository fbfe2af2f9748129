// Rotates queries, and appends rotated keys and plain values to the KV cache. One lane per pair of
// dimensions of qkv, (tokens, QKV_STRIDE).
#import pairs
@group(0) @binding(_) var<storage, read> qkv: array<Pair>;
#import append

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
    let at = group.y * QKV_STRIDE + head_start(head) + pair_dims(i);
    append(group.y, head, i, vec2<f32>(value(at.x), value(at.y)));
}

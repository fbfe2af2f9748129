// Rotates queries, and appends rotated keys and plain values to the KV cache: one invocation per pair of dimensions.
#import rope_kv_append/to_storage, rope_kv_append/qkv

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let work = group.x * LANES + lane;
    let head = work / PAIRS;
    let i = work % PAIRS;
    if (head >= HEADS + 2u * KV_HEADS) {
        return;
    }
    append(group.y, head, i, pair_of(group.y, head, i));
}

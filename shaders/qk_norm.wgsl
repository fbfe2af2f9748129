// Normalises each query and key head separately, in place: x / rms(x) · weight  (Qwen3, Gemma 3).
//
// One workgroup per token and head.
#import pairs, reduce

// [tokens, QKV_STRIDE / 2]: queries at 0, keys at K_OFFSET.
@binding(qkv) var<storage, read_write> qkv: array<Pair>;
// [HEAD_DIM] each.
@binding(q_weight) var<storage, read> q_weight: array<f32>;
@binding(k_weight) var<storage, read> k_weight: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let is_key = group.x >= HEADS;
    var inside = group.x * HEAD_DIM;
    if (is_key) {
        inside = K_OFFSET + (group.x - HEADS) * HEAD_DIM;
    }
    let at = (group.y * QKV_STRIDE + inside) / 2u;
    var squares = 0.0;
    for (var i = lane; i < HEAD_DIM / 2u; i += LANES) {
        let values = from_pair(qkv[at + i]);
        squares += dot(values, values);
    }
    let scale = inverseSqrt(workgroup_sum(lane, squares) / f32(HEAD_DIM) + EPS);
    for (var i = lane; i < HEAD_DIM / 2u; i += LANES) {
        var weights = vec2<f32>(q_weight[2u * i], q_weight[2u * i + 1u]);
        if (is_key) {
            weights = vec2<f32>(k_weight[2u * i], k_weight[2u * i + 1u]);
        }
        qkv[at + i] = to_pair(from_pair(qkv[at + i]) * scale * weights);
    }
}

// Normalises each query and key head by itself, in place: x / rms(x) · weight  (Qwen3, Gemma 3).
//
// qkv is (tokens, QKV_STRIDE): queries at 0, keys at K_OFFSET. One workgroup per token and head.
#import reduce

@group(0) @binding(_) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(_) var<storage, read> q_weight: array<f32>;
@group(0) @binding(_) var<storage, read> k_weight: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let is_key = group.x >= HEADS;
    var at = group.y * QKV_STRIDE + group.x * HEAD_DIM;
    if (is_key) {
        at = group.y * QKV_STRIDE + K_OFFSET + (group.x - HEADS) * HEAD_DIM;
    }
    var squares = 0.0;
    for (var i = lane; i < HEAD_DIM; i += LANES) {
        squares += qkv[at + i] * qkv[at + i];
    }
    let scale = inverseSqrt(workgroup_sum(lane, squares) / f32(HEAD_DIM) + EPS);
    for (var i = lane; i < HEAD_DIM; i += LANES) {
        var weight = q_weight[i];
        if (is_key) {
            weight = k_weight[i];
        }
        qkv[at + i] *= scale * weight;
    }
}

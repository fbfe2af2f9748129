// out[t, h, :] = Σ_j softmax_j(q[t, h] · k[j, h / GROUP] · SCALE) v[j, h / GROUP],  j ≤ position of t
//
// Causal grouped-query attention (arXiv 2305.13245) with the online softmax of FlashAttention
// (arXiv 2205.14135). One workgroup per token and query head. It walks over the keys in tiles of
// LANES: first a lane is a key, for the scores; then a lane is a dimension, for the values.
#import reduce
#import step

const GROUP: u32 = HEADS / KV_HEADS;
const HEAD_QUADS: u32 = HEAD_DIM / 4u;
// Below any score, and still finite: WGSL does not promise infinities.
const LOWEST: f32 = -3.0e38;

@group(0) @binding(_) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(_) var<storage, read> k_cache: array<vec4<f32>>;
@group(0) @binding(_) var<storage, read> v_cache: array<f32>;
@group(0) @binding(_) var<storage, read_write> out: array<f32>;
@group(0) @binding(_) var<storage, read> step: Step;

var<workgroup> query: array<vec4<f32>, HEAD_QUADS>;
var<workgroup> weights: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let kv_head = head / GROUP;
    let n_keys = step.position + group.y + 1u;

    let query_at = group.y * (QKV_STRIDE / 4u) + head * HEAD_QUADS;
    for (var i = lane; i < HEAD_QUADS; i += LANES) {
        query[i] = qkv[query_at + i] * SCALE;
    }
    workgroupBarrier();

    var highest = LOWEST;
    var total = 0.0;
#for d in DIMS
    var sum_$d = 0.0;
#end
    for (var first = 0u; first < n_keys; first += LANES) {
        let key = first + lane;
        var score = LOWEST;
        if (key < n_keys) {
            let key_at = (key * KV_HEADS + kv_head) * HEAD_QUADS;
            score = 0.0;
            for (var i = 0u; i < HEAD_QUADS; i++) {
                score += dot(query[i], k_cache[key_at + i]);
            }
        }
        let now_highest = max(highest, workgroup_max(lane, score));
        let weight = select(0.0, exp(score - now_highest), key < n_keys);
        weights[lane] = weight;
        let rescale = exp(highest - now_highest);
        total = total * rescale + workgroup_sum(lane, weight);
        highest = now_highest;

        let n_here = min(LANES, n_keys - first);
#for d in DIMS
        if (lane + $du * LANES < HEAD_DIM) {
            sum_$d *= rescale;
            var value_at = (first * KV_HEADS + kv_head) * HEAD_DIM + lane + $du * LANES;
            for (var j = 0u; j < n_here; j++) {
                sum_$d += weights[j] * v_cache[value_at];
                value_at += KV_HEADS * HEAD_DIM;
            }
        }
#end
        // The next tile overwrites the weights.
        workgroupBarrier();
    }
#for d in DIMS
    if (lane + $du * LANES < HEAD_DIM) {
        out[group.y * OUT_STRIDE + head * HEAD_DIM + lane + $du * LANES] = sum_$d / total;
    }
#end
}

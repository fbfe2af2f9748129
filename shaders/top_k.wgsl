// The K best of every CHUNK candidates, sorted: higher logit first, of equal ones the lower id.
//
// Run again on its own output until one workgroup is left; the first run (FIRST) reads logits, the
// later ones (logit, id) pairs. Each workgroup sorts its chunk with a bitonic network. One row of
// workgroups per row of logits; rows are STRIDE values apart before, and CHUNKS · K after.
#if FIRST
@group(0) @binding(_) var<storage, read> logits: array<f32>;
#else
@group(0) @binding(_) var<storage, read> candidates: array<vec2<u32>>;
#end
@group(0) @binding(_) var<storage, read_write> best: array<vec2<u32>>;

// Below any logit, and still finite: WGSL does not promise infinities.
const LOWEST: f32 = -3.0e38;
const NOBODY: u32 = 0xFFFFFFFFu;

const CHUNKS: u32 = (N + CHUNK - 1u) / CHUNK;

var<workgroup> values: array<f32, CHUNK>;
var<workgroup> ids: array<u32, CHUNK>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    for (var i = lane; i < CHUNK; i += LANES) {
        let source = group.x * CHUNK + i;
        let at = group.y * STRIDE + source;
        values[i] = LOWEST;
        ids[i] = NOBODY;
        if (source < N) {
#if FIRST
            values[i] = logits[at];
            ids[i] = source;
#else
            values[i] = bitcast<f32>(candidates[at].x);
            ids[i] = candidates[at].y;
#end
        }
    }
    workgroupBarrier();

    for (var run = 2u; run <= CHUNK; run *= 2u) {
        for (var distance = run / 2u; distance > 0u; distance /= 2u) {
            for (var pair = lane; pair < CHUNK / 2u; pair += LANES) {
                let low = (pair / distance) * distance * 2u + pair % distance;
                let high = low + distance;
                let a = values[low];
                let b = values[high];
                let b_is_better = b > a || (b == a && ids[high] < ids[low]);
                // Runs alternate in direction until the last one, which is best first.
                let best_first = (low & run) == 0u;
                if (b_is_better == best_first) {
                    values[low] = b;
                    values[high] = a;
                    let id = ids[low];
                    ids[low] = ids[high];
                    ids[high] = id;
                }
            }
            workgroupBarrier();
        }
    }
    for (var i = lane; i < K; i += LANES) {
        best[(group.y * CHUNKS + group.x) * K + i] = vec2<u32>(bitcast<u32>(values[i]), ids[i]);
    }
}

// y[t, i] = x[t, i] / sqrt(mean(x[t, :]²) + EPS) · weight[i]          (arXiv 1910.07467)
//
// One workgroup per token. With LAST_ROW only the last token of the pass is normalised, to row 0.
// With ADD the result is added to y (Gemma's norms of what attention and MLP add).
#import reduce
#import step

@group(0) @binding(_) var<storage, read> x: array<f32>;
@group(0) @binding(_) var<storage, read> weight: array<f32>;
@group(0) @binding(_) var<storage, read_write> y: array<f32>;
#if LAST_ROW
@group(0) @binding(_) var<storage, read> step: Step;
#end

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
#if LAST_ROW
    let source = (step.n_tokens - 1u) * STRIDE;
#else
    let source = group.x * STRIDE;
#end
    var squares = 0.0;
    for (var i = lane; i < N; i += LANES) {
        let value = x[source + i];
        squares += value * value;
    }
    let scale = inverseSqrt(workgroup_sum(lane, squares) / f32(N) + EPS);
    for (var i = lane; i < N; i += LANES) {
        let value = x[source + i] * scale * weight[i];
#if ADD
        y[group.x * STRIDE + i] += value;
#else
        y[group.x * STRIDE + i] = value;
#end
    }
}

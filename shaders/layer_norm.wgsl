// y[t, i] = (x[t, i] - mean) / sqrt(variance + EPS) · weight[i] + bias[i]          (arXiv 1607.06450)
//
// One workgroup per token. With LAST_ROW only the last token of the pass is normalised, to row 0.
#import reduce
#import step

@group(0) @binding(_) var<storage, read> x: array<f32>;
@group(0) @binding(_) var<storage, read> weight: array<f32>;
@group(0) @binding(_) var<storage, read> bias: array<f32>;
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
    var sum = 0.0;
    for (var i = lane; i < N; i += LANES) {
        sum += x[source + i];
    }
    let mean = workgroup_sum(lane, sum) / f32(N);
    // A second pass: the difference of two large sums would lose the variance.
    var squares = 0.0;
    for (var i = lane; i < N; i += LANES) {
        let off = x[source + i] - mean;
        squares += off * off;
    }
    let scale = inverseSqrt(workgroup_sum(lane, squares) / f32(N) + EPS);
    for (var i = lane; i < N; i += LANES) {
        y[group.x * STRIDE + i] = (x[source + i] - mean) * scale * weight[i] + bias[i];
    }
}

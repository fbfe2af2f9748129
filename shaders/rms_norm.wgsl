// y[t, i] = x[t, i] / sqrt(mean(x[t, :]²) + EPS) · weight[i]          (arXiv 1910.07467)
//
// One workgroup per token. With LAST_ROW only the last token of the pass is normalised, to row 0.
// With ADD the result is added to y (Gemma's norms of what attention and MLP add). Rows are padded
// with zeros, which stay zeros.
#import pairs
#import reduce
#import step

@group(0) @binding(_) var<storage, read> x: array<Pair>;
@group(0) @binding(_) var<storage, read> weight: array<f32>;
@group(0) @binding(_) var<storage, read_write> y: array<Pair>;
#if LAST_ROW
@group(0) @binding(_) var<storage, read> step: Step;
#end
#if KEEP
// A copy of the rows of x that were normalised.
@group(0) @binding(_) var<storage, read_write> kept: array<Pair>;
#end

const N_PAIRS: u32 = (N + 1u) / 2u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
#if LAST_ROW
    let source = (step.n_tokens - 1u) * (STRIDE / 2u);
#else
    let source = group.x * (STRIDE / 2u);
#end
    let goal = group.x * (STRIDE / 2u);
    var squares = 0.0;
    for (var i = lane; i < N_PAIRS; i += LANES) {
        let values = from_pair(x[source + i]);
        squares += dot(values, values);
#if KEEP
        kept[goal + i] = x[source + i];
#end
    }
    let scale = inverseSqrt(workgroup_sum(lane, squares) / f32(N) + EPS);
    for (var i = lane; i < N_PAIRS; i += LANES) {
        let weights = vec2<f32>(weight[2u * i], weight[2u * i + 1u]);
        let values = from_pair(x[source + i]) * scale * weights;
#if ADD
        y[goal + i] = to_pair(from_pair(y[goal + i]) + values);
#else
        y[goal + i] = to_pair(values);
#end
    }
}

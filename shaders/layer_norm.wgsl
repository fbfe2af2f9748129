// y[t, i] = (x[t, i] - mean) / sqrt(variance + EPS) · weight[i] + bias[i]          (arXiv 1607.06450)
//
// One workgroup per token. With LAST_ROW only the last token of the pass is normalised, to row 0.
#import pairs, reduce, step

// [tokens, STRIDE / 2]
@binding(x) var<storage, read> x: array<Pair>;
// [N] each.
@binding(weight) var<storage, read> weight: array<f32>;
@binding(bias) var<storage, read> bias: array<f32>;
// [tokens, STRIDE / 2], or with LAST_ROW one row.
@binding(y) var<storage, read_write> y: array<Pair>;
// The tokens of the pass and the page tables.
@binding(step) var<storage, read> step: Step;
// As y: a copy of the rows of x that were normalised.
@binding(kept) var<storage, read_write> kept: array<Pair>;

const N_PAIRS: u32 = (N + 1u) / 2u;

// Deviation of pair `i` from the mean; 0 in the padding of an odd row.
fn off_mean(pair: Pair, i: u32, mean: f32) -> vec2<f32> {
    let off = from_pair(pair) - mean;
    return vec2<f32>(off.x, select(0.0, off.y, 2u * i + 1u < N));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
#if LAST_ROW
    let source = (step.n_tokens - 1u) * (STRIDE / 2u);
#else
    let source = group.x * (STRIDE / 2u);
#end
    let goal = group.x * (STRIDE / 2u);
    var sum = 0.0;
    for (var i = lane; i < N_PAIRS; i += LANES) {
        sum += dot(from_pair(x[source + i]), vec2<f32>(1.0));
#if KEEP
        kept[goal + i] = x[source + i];
#end
    }
    let mean = workgroup_sum(lane, sum) / f32(N);
    // A second pass: the difference of two large sums would lose the variance.
    var squares = 0.0;
    for (var i = lane; i < N_PAIRS; i += LANES) {
        let off = off_mean(x[source + i], i, mean);
        squares += dot(off, off);
    }
    let scale = inverseSqrt(workgroup_sum(lane, squares) / f32(N) + EPS);
    for (var i = lane; i < N_PAIRS; i += LANES) {
        let weights = vec2<f32>(weight[2u * i], weight[2u * i + 1u]);
        let biases = vec2<f32>(bias[2u * i], bias[2u * i + 1u]);
        y[goal + i] = to_pair(off_mean(x[source + i], i, mean) * scale * weights + biases);
    }
}

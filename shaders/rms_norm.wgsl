// y[t, i] = x[t, i] / sqrt(mean(x[t, :]²) + EPS) · weight[i]          (arXiv 1910.07467)
//
// One workgroup per token. With LAST_ROW only the last token of the pass is normalised, to row 0. With ADD the result
// is added to y (Gemma's norms after attention and MLP). Rows are padded with zeros, which stay zeros.
#import pairs, reduce, step

// [tokens, QUADS]
@binding(x) var<storage, read> x: array<Quad>;
// [QUADS]
@binding(weight) var<storage, read> weight: array<vec4<f32>>;
// [tokens, QUADS], or with LAST_ROW one row.
@binding(y) var<storage, read_write> y: array<Quad>;
// The tokens of the pass and the page tables.
@binding(step) var<storage, read> step: Step;
// As y: a copy of the rows of x that were normalised.
@binding(kept) var<storage, read_write> kept: array<Quad>;

const QUADS: u32 = STRIDE / 4u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
#if LAST_ROW
    let source = (step.n_tokens - 1u) * QUADS;
#else
    let source = group.x * QUADS;
#end
    let goal = group.x * QUADS;
    var squares = 0.0;
    for (var i = lane; i < QUADS; i += LANES) {
        let values = from_quad(x[source + i]);
        squares += dot(values, values);
#if KEEP
        kept[goal + i] = x[source + i];
#end
    }
    let scale = inverseSqrt(workgroup_sum(lane, squares) / f32(N) + EPS);
    for (var i = lane; i < QUADS; i += LANES) {
        let values = from_quad(x[source + i]) * scale * weight[i];
#if ADD
        y[goal + i] = to_quad(from_quad(y[goal + i]) + values);
#else
        y[goal + i] = to_quad(values);
#end
    }
}

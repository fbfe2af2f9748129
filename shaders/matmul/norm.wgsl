// An RMSNorm (arXiv 1910.07467) fused into `matmul/vec`: its weights multiply x, and the factor of a token, which all
// rows share, multiplies the sums.
#import reduce, matmul/normed

// [X_ROW]: the weights of the norm.
@binding(norm) var<storage, read> norm: array<vec4<f32>>;

var<workgroup> norm_factors: array<f32, COLS>;

// All invocations call it together, after all of x was staged.
fn find_factors(invocation: u32) {
#for c in COLS
    norm_factors[$cu] = inverseSqrt(workgroup_sum(invocation, squares[$c]) / f32(NORM_N) + NORM_EPS);
#end
}

fn factor_of(col: u32) -> f32 { return norm_factors[col]; }

// x passes an RMSNorm (arXiv 1910.07467) on its way into `matmul/vec`: its weights multiply x, and the factor of a
// token, which all rows have in common, multiplies the sums.
#import reduce

// [X_ROW]: the weights of the norm.
@binding(norm) var<storage, read> norm: array<vec4<f32>>;
// [tokens, X_ROW]: a copy of x before the norm.
@binding(kept) var<storage, read_write> kept: array<Quad>;

// Of each token the squares of the values that this invocation staged.
var<private> squares: array<f32, COLS>;
var<workgroup> norm_factors: array<f32, COLS>;

// Quad `i` of a token, weighted.
fn normed(values: vec4<f32>, token: u32, col: u32, i: u32, is_first_group: bool) -> vec4<f32> {
    squares[col] += dot(values, values);
#if KEEP
    if (is_first_group) { kept[token * X_ROW + i] = to_quad(values); }
#end
    return values * norm[i];
}

// All invocations call it together, when they have staged all of x.
fn find_factors(invocation: u32) {
#for c in COLS
    norm_factors[$cu] = inverseSqrt(workgroup_sum(invocation, squares[$c]) / f32(NORM_N) + NORM_EPS);
#end
}

fn factor_of(col: u32) -> f32 { return norm_factors[col]; }

// As `matmul/norm`, for `software/matmul`: the weights are a uniform, and a lane may have loaded all of x.

// [X_ROW]: the weights of the norm.
@binding(norm) var<uniform> norm: array<vec4<f32>, X_ROW>;
// [tokens, X_ROW]: a copy of x before the norm.
@binding(kept) var<storage, read_write> kept: array<Quad>;

// Of each token the squares of the values that this lane loaded.
var<private> squares: array<f32, COLS>;

fn normed(values: vec4<f32>, token: u32, col: u32, i: u32, is_first_group: bool) -> vec4<f32> {
    squares[col] += dot(values, values);
#if KEEP
    if (is_first_group) { kept[token * X_ROW + i] = to_quad(values); }
#end
    return values * norm[i];
}

fn factor_of(col: u32) -> f32 { return inverseSqrt(across_lanes(squares[col]) / f32(NORM_N) + NORM_EPS); }

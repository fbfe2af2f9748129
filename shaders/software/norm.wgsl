// As `matmul/norm`, for `software/matmul`: the weights are a uniform, and one lane may have loaded all of x.
#import matmul/normed

// [X_ROW]: the weights of the norm.
@binding(norm) var<uniform> norm: array<vec4<f32>, X_ROW>;

fn factor_of(col: u32) -> f32 { return inverseSqrt(across_lanes(squares[col]) / f32(NORM_N) + NORM_EPS); }

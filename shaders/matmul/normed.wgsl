// The weighted quads of x in a fused RMSNorm; the importing fragment binds the weights as `norm` and computes the
// factor.
#import pairs

// [tokens, X_ROW]: a copy of x before the norm.
@binding(kept) var<storage, read_write> kept: array<Quad>;

// Per token, the sum of squares of the values that this invocation loaded.
var<private> squares: array<f32, COLS>;

// Quad `i` of a token, weighted.
fn normed(values: vec4<f32>, token: u32, col: u32, i: u32, is_first_group: bool) -> vec4<f32> {
    squares[col] += dot(values, values);
#if KEEP
    if (is_first_group) { kept[token * X_ROW + i] = to_quad(values); }
#end
    return values * norm[i];
}

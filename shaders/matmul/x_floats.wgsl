// Activations as 32-bit or 16-bit floats.
#import pairs

// [tokens, X_ROW]: X_ROW = k / 4, padded to whole blocks with zeros.
@binding(x) var<storage, read> x: array<Quad>;

fn x_quad(token: u32, i: u32) -> vec4<f32> { return from_quad(x[token * X_ROW + i]); }

// 16 values of a token, starting at 16 · half.
fn x_half(token: u32, half: u32) -> array<vec4<f32>, 4> {
    let i = half * 4u;
    return array<vec4<f32>, 4>(x_quad(token, i), x_quad(token, i + 1u), x_quad(token, i + 2u), x_quad(token, i + 3u));
}

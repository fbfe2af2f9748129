// Activations as `quantize_x` leaves them: of each 32 values a scale and signed bytes.
#import pairs

// [tokens, X_ROW]: of each block of 32 two elements of bytes, and one with (scale, sum of the first 16 values,
// sum of the last 16, sum of all).
@binding(x) var<storage, read> x: array<vec4<u32>>;

fn x_word(token: u32, i: u32) -> vec4<u32> { return x[token * X_ROW + i]; }

// 16 values of a token, from 16 · half on.
fn x_half(token: u32, half: u32) -> array<vec4<f32>, 4> {
    let at = (half / 2u) * 3u;
    let bytes = x_word(token, at + half % 2u);
    let scale = bitcast<f32>(x_word(token, at + 2u).x);
    return array<vec4<f32>, 4>(
        scale * vec4<f32>(unpack4xI8(bytes.x)),
        scale * vec4<f32>(unpack4xI8(bytes.y)),
        scale * vec4<f32>(unpack4xI8(bytes.z)),
        scale * vec4<f32>(unpack4xI8(bytes.w)),
    );
}

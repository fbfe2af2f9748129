// Activations as `quantize_x` leaves them: of each 32 values a scale and signed bytes.
#import pairs

// [tokens, X_ROW]: of each block of 32 two elements of bytes, and one with (scale, sum of the first 16 values,
// sum of the last 16, sum of all).
@binding(x) var<storage, read> x: array<vec4<u32>>;

fn x_word(token: u32, i: u32) -> vec4<u32> { return x[token * X_ROW + i]; }

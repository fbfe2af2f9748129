// Activations as `quantize_x` writes them: signed bytes with a scale per 32.
#import pairs

// [tokens, X_ROW]: for each block of 32, two elements of bytes and one with (scale, sum of the first 16 values, sum
// of the last 16, sum of all).
@binding(x) var<storage, read> x: array<vec4<u32>>;

fn x_word(token: u32, i: u32) -> vec4<u32> { return x[token * X_ROW + i]; }

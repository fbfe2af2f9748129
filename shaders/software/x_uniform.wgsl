// x as a uniform: a value that all lanes share is loaded once, not once per lane. Array elements of uniforms have at
// least 16 bytes.

// [COLS, X_ELEMENTS]
@binding(x) var<uniform> x: array<vec4<u32>, X_ELEMENTS * COLS>;
fn x_element(i: u32) -> vec4<u32> { return x[i]; }

// x as it is.
fn normed(values: vec4<f32>, token: u32, col: u32, i: u32, is_first_group: bool) -> vec4<f32> { return values; }
fn find_factors(invocation: u32) {}
fn factor_of(col: u32) -> f32 { return 1.0; }

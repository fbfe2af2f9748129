// As `formats/numbers`, for CPUs, where shifts are expensive: byte j of a word stays in place and is therefore 2^8j
// times too large, which `software/product_floats` compensates with a factor on x. The highest byte would be read as
// signed: for formats with bytes above 127 it is stored CENTRE lower, and then has no part in the sums for the
// minimums.
const SCALED: bool = true;

fn four(bytes: u32) -> vec4<f32> {
    let signed = bytes ^ select(0u, 0x80000000u, CENTRE > 0.0);
    let each = vec4<u32>(signed) & vec4<u32>(0xFFu, 0xFF00u, 0xFF0000u, 0xFF000000u);
    return vec4<f32>(bitcast<vec4<i32>>(each));
}

fn values(b: Block, half: u32) -> array<vec4<f32>, 4> {
    let n = numbers(b, half);
    return array<vec4<f32>, 4>(four(n.x), four(n.y), four(n.z), four(n.w));
}

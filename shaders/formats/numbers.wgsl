// Weights that are scaled integers: `numbers` of their format returns 16 of them as bytes. AMD's compilers turn this
// pattern into one instruction per byte, which extracts and converts it.
const SCALED: bool = true;

fn values(b: Block, half: u32) -> array<vec4<f32>, 4> {
    let n = numbers(b, half);
    return array<vec4<f32>, 4>(
        vec4<f32>(unpack4xU8(n.x)),
        vec4<f32>(unpack4xU8(n.y)),
        vec4<f32>(unpack4xU8(n.z)),
        vec4<f32>(unpack4xU8(n.w)),
    );
}

// Weights that are integers before they are scaled: `numbers` of their format gives 16 of them as bytes.
// Compilers for AMD take a byte out of a word and convert it in one instruction when they see this pattern.
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

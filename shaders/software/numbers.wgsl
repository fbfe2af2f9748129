// As `formats/numbers`. A processor's vectors convert signed integers in one instruction, unsigned ones in several.
const SCALED: bool = true;

fn four(bytes: u32) -> vec4<f32> { return vec4<f32>(bitcast<vec4<i32>>(unpack4xU8(bytes))); }

fn values(b: Block, half: u32) -> array<vec4<f32>, 4> {
    let n = numbers(b, half);
    return array<vec4<f32>, 4>(four(n.x), four(n.y), four(n.z), four(n.w));
}

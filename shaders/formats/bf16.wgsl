// bfloat16, the upper halves of 32-bit floats: a block is 4 steps of 8 weights.
#import formats/no_scales
alias Raw = vec4<u32>;
const SCALED: bool = false;
const HALF_SCALES: bool = false;
const CENTRE: f32 = 0.0;

struct Block { low: array<vec4<u32>, 2>, high: array<vec4<u32>, 2> }

fn load_block(start: RowStart, block: u32) -> Block {
    let at = quant_at(start, block);
    return Block(
        array<vec4<u32>, 2>(quant(at), quant(at + 32u)),
        array<vec4<u32>, 2>(quant(at + 64u), quant(at + 96u)),
    );
}

fn floats(a: u32, b: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4<u32>(a << 16u, a & 0xFFFF0000u, b << 16u, b & 0xFFFF0000u));
}

fn values(b: Block, half: u32) -> array<vec4<f32>, 4> {
    let first = select(b.low[0], b.high[0], half == 1u);
    let second = select(b.low[1], b.high[1], half == 1u);
    return array<vec4<f32>, 4>(
        floats(first.x, first.y), floats(first.z, first.w), floats(second.x, second.y), floats(second.z, second.w));
}

fn affine(b: Block, half: u32) -> vec2<f32> { return vec2<f32>(1.0, 0.0); }

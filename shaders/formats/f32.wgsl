// 32-bit floats: a block is 8 steps of 4 weights.
#import formats/no_scales
alias Raw = vec4<u32>;
const SCALED: bool = false;
const HALF_SCALES: bool = false;
const CENTRE: f32 = 0.0;

struct Block { at: u32 }

fn load_block(start: RowStart, block: u32) -> Block { return Block(quant_at(start, block)); }

fn values(b: Block, half: u32) -> array<vec4<f32>, 4> {
    let at = b.at + half * 128u;
    return array<vec4<f32>, 4>(
        bitcast<vec4<f32>>(quant(at)),
        bitcast<vec4<f32>>(quant(at + 32u)),
        bitcast<vec4<f32>>(quant(at + 64u)),
        bitcast<vec4<f32>>(quant(at + 96u)),
    );
}

fn affine(b: Block, half: u32) -> vec2<f32> { return vec2<f32>(1.0, 0.0); }

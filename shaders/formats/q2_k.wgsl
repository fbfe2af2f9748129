// ggml's Q2_K: w = d · s · q - dmin · m, with 4 bits each of s and m per 16 weights. A block is 2 steps of one
// word; bits 2p and 2p + 1 of byte j are weight 4p + j.
#import formats/super_scales, numbers
alias Raw = u32;
const HALF_SCALES: bool = true;
const CENTRE: f32 = 0.0;

struct Block { quants: vec2<u32>, scales: u32, factors: u32 }

fn load_block(start: RowStart, block: u32) -> Block {
    let at = quant_at(start, block);
    let scales = scale_at(start, block);
    return Block(vec2<u32>(quant(at), quant(at + 32u)), scale_word(scales), block_factors(scales, block));
}

fn numbers(b: Block, half: u32) -> vec4<u32> {
    let word = select(b.quants.x, b.quants.y, half == 1u);
    return (vec4<u32>(word) >> vec4<u32>(0u, 2u, 4u, 6u)) & vec4<u32>(0x03030303u);
}

fn affine(b: Block, half: u32) -> vec2<f32> {
    let d = unpack2x16float(b.scales);
    let factors = (vec2<u32>(b.factors) >> (vec2<u32>(0u, 4u) + 8u * half)) & vec2<u32>(15u);
    return vec2<f32>(d.x, -d.y) * vec2<f32>(factors);
}

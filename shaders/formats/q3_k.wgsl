// ggml's Q3_K: w = d · s · (q - 4), with 8 signed bits of s per 16 weights. A block is 2 steps of one word: bits
// 2p and 2p + 1 of byte j are the lower bits of weight 4p + j, and bit 8j + 4 · step + p of the block's word of
// high bits is its third.
#import formats/super_scales, numbers
alias Raw = u32;
const HALF_SCALES: bool = true;
const CENTRE: f32 = 0.0;

struct Block { quants: vec2<u32>, scales: u32, factors: u32, high: u32 }

fn load_block(start: RowStart, block: u32) -> Block {
    let at = quant_at(start, block);
    let scales = scale_at(start, block);
    let high = scale_word(scales + (HIGH_AT + block % GROUP) * 32u);
    return Block(vec2<u32>(quant(at), quant(at + 32u)), scale_word(scales), block_factors(scales, block), high);
}

fn numbers(b: Block, half: u32) -> vec4<u32> {
    let word = select(b.quants.x, b.quants.y, half == 1u);
    let low = (vec4<u32>(word) >> vec4<u32>(0u, 2u, 4u, 6u)) & vec4<u32>(0x03030303u);
    let high = (vec4<u32>(b.high) >> (vec4<u32>(0u, 1u, 2u, 3u) + 4u * half)) & vec4<u32>(0x01010101u);
    return low | (high << vec4<u32>(2u));
}

fn affine(b: Block, half: u32) -> vec2<f32> {
    let factor = f32(extractBits(bitcast<i32>(b.factors), 8u * half, 8u));
    let scale = unpack2x16float(b.scales).x * factor;
    return vec2<f32>(scale, -4.0 * scale);
}

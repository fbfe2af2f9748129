// ggml's Q6_K: w = d · s · (q - 32), with 8 signed bits of s per 16 weights. A block is 2 steps of two words: byte i
// of a step holds the low bits of weight i in its low nibble and of weight i + 8 in its high nibble; bits 8j + 2p and
// 8j + 2p + 1 of the step's word of high bits are the upper two of weight 4p + j.
#import formats/super_scales, numbers
alias Raw = vec2<u32>;
const HALF_SCALES: bool = true;
const CENTRE: f32 = 0.0;

struct Block { low: vec2<u32>, high: vec2<u32>, scales: u32, factors: u32, upper: vec2<u32> }

fn load_block(start: RowStart, block: u32) -> Block {
    let at = quant_at(start, block);
    let scales = scale_at(start, block);
    let upper = scales + (HIGH_AT + (block % GROUP) * 2u) * 32u;
    return Block(
        quant(at), quant(at + 32u), scale_word(scales), block_factors(scales, block),
        vec2<u32>(scale_word(upper), scale_word(upper + 32u)));
}

fn numbers(b: Block, half: u32) -> vec4<u32> {
    let words = select(b.low, b.high, half == 1u);
    let low = (words.xyxy >> vec4<u32>(0u, 0u, 4u, 4u)) & vec4<u32>(0x0F0F0F0Fu);
    let upper = select(b.upper.x, b.upper.y, half == 1u);
    let high = (vec4<u32>(upper) >> vec4<u32>(0u, 2u, 4u, 6u)) & vec4<u32>(0x03030303u);
    return low | (high << vec4<u32>(4u));
}

fn affine(b: Block, half: u32) -> vec2<f32> {
    let factor = f32(extractBits(bitcast<i32>(b.factors), 8u * half, 8u));
    let scale = unpack2x16float(b.scales).x * factor;
    return vec2<f32>(scale, -32.0 * scale);
}

// 5-bit weights with a scale and a minimum per 32: w = scale · q + minimum. This is ggml's Q5_1, and Q5_0 with
// minimum = -16 · scale. The low four bits are stored as in Q4; bit 8j + p of a word next to the scale is the fifth
// bit of weight 4p + j.
#import formats/scales_layout, numbers
alias Raw = vec4<u32>;
const HALF_SCALES: bool = false;
const CENTRE: f32 = 0.0;

struct Block { quants: vec4<u32>, scale: u32, high: u32 }

fn load_block(start: RowStart, block: u32) -> Block {
    let scales = scale_at(start, block);
    return Block(quant(quant_at(start, block)), scale_word(scales), scale_word(scales + HIGH_AT * 32u));
}

fn numbers(b: Block, half: u32) -> vec4<u32> {
    let low = (b.quants >> vec4<u32>(4u * half)) & vec4<u32>(0x0F0F0F0Fu);
    let high = (vec4<u32>(b.high) >> (vec4<u32>(0u, 1u, 2u, 3u) + 4u * half)) & vec4<u32>(0x01010101u);
    return low | (high << vec4<u32>(4u));
}

fn affine(b: Block, half: u32) -> vec2<f32> { return unpack2x16float(b.scale); }

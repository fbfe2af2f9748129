// ggml's Q5_K: w = d · s · q - dmin · m, with 8 bits each of s and m per 32 weights. The low four bits are stored as
// in Q4_K; bit 8j + p of the block's word of high bits is the fifth bit of weight 4p + j.
#import formats/super_scales, numbers
alias Raw = vec4<u32>;
const HALF_SCALES: bool = false;
const CENTRE: f32 = 0.0;

struct Block { quants: vec4<u32>, scales: u32, factors: u32, high: u32 }

fn load_block(start: RowStart, block: u32) -> Block {
    let scales = scale_at(start, block);
    let high = scale_word(scales + (HIGH_AT + block % GROUP) * 32u);
    return Block(quant(quant_at(start, block)), scale_word(scales), block_factors(scales, block), high);
}

fn numbers(b: Block, half: u32) -> vec4<u32> {
    let low = (b.quants >> vec4<u32>(4u * half)) & vec4<u32>(0x0F0F0F0Fu);
    let high = (vec4<u32>(b.high) >> (vec4<u32>(0u, 1u, 2u, 3u) + 4u * half)) & vec4<u32>(0x01010101u);
    return low | (high << vec4<u32>(4u));
}

fn affine(b: Block, half: u32) -> vec2<f32> {
    let d = unpack2x16float(b.scales);
    return vec2<f32>(d.x, -d.y) * vec4<f32>(unpack4xU8(b.factors)).xy;
}

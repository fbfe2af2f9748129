// ggml's Q4_K: w = d · s · q - dmin · m, with 8 bits each of s and m per 32 weights. Byte i holds weight i in its low
// nibble and weight i + 16 in its high nibble.
#import formats/super_scales, numbers
alias Raw = vec4<u32>;
const HALF_SCALES: bool = false;
const CENTRE: f32 = 0.0;

struct Block { quants: vec4<u32>, scales: u32, factors: u32 }

fn load_block(start: RowStart, block: u32) -> Block {
    let scales = scale_at(start, block);
    return Block(quant(quant_at(start, block)), scale_word(scales), block_factors(scales, block));
}

fn numbers(b: Block, half: u32) -> vec4<u32> {
    return (b.quants >> vec4<u32>(4u * half)) & vec4<u32>(0x0F0F0F0Fu);
}

fn affine(b: Block, half: u32) -> vec2<f32> {
    let d = unpack2x16float(b.scales);
    return vec2<f32>(d.x, -d.y) * vec4<f32>(unpack4xU8(b.factors)).xy;
}

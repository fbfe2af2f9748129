// 4-bit weights with a scale and a minimum for GROUP blocks: w = scale · q + minimum. With one block this is ggml's
// Q4_1, and Q4_0 with minimum = -8 · scale. Byte i holds weight i in its low nibble and weight i + 16 in its high
// nibble.
#import formats/scales_layout, numbers
alias Raw = vec4<u32>;
const HALF_SCALES: bool = false;
const CENTRE: f32 = 0.0;

struct Block { quants: vec4<u32>, scale: u32 }

fn load_block(start: RowStart, block: u32) -> Block {
    return Block(quant(quant_at(start, block)), scale_word(scale_at(start, block)));
}

// The same with another word of scales.
fn with_scale(b: Block, word: u32) -> Block { return Block(b.quants, word); }

fn numbers(b: Block, half: u32) -> vec4<u32> {
    return (b.quants >> vec4<u32>(4u * half)) & vec4<u32>(0x0F0F0F0Fu);
}

fn affine(b: Block, half: u32) -> vec2<f32> { return unpack2x16float(b.scale); }

// 8-bit weights with one 32-bit scale for the whole row: w = scale · q. A block is 2 steps of 16 bytes.
#import formats/scales_layout, numbers
alias Raw = vec4<u32>;
const HALF_SCALES: bool = false;
// Added to the signed bytes in memory, because GPUs convert unsigned bytes in one instruction.
const CENTRE: f32 = 128.0;

struct Block { low: vec4<u32>, high: vec4<u32>, scale: u32 }

fn load_block(start: RowStart, block: u32) -> Block {
    let at = quant_at(start, block);
    return Block(quant(at), quant(at + 32u), scale_word(scale_at(start, block)));
}

// The same with another word of scales.
fn with_scale(b: Block, word: u32) -> Block { return Block(b.low, b.high, word); }

fn numbers(b: Block, half: u32) -> vec4<u32> {
    return select(b.low, b.high, half == 1u);
}

fn affine(b: Block, half: u32) -> vec2<f32> {
    let scale = bitcast<f32>(b.scale);
    return vec2<f32>(scale, -CENTRE * scale);
}

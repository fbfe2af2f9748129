#import software/texture

// [rows / 32, K_BLOCKS, STEPS, 32]: the weights, one texel per step of a block.
@binding(quants) var quants: Texture;
fn quant(i: u32) -> Raw { return texel_of(quants, i); }

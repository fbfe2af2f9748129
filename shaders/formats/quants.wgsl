// [rows / 32, K_BLOCKS, STEPS, 32]: the weights, one `Raw` a step of a block.
@binding(quants) var<storage, read> quants: array<Raw>;
fn quant(i: u32) -> Raw { return quants[i]; }

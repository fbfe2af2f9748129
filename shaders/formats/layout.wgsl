// Layout of a weight matrix (written by `packed.rs`): rows are grouped in tiles of 32, and the order in a tile is
// block, step, row. Invocations with neighbouring rows load neighbouring elements.
#import quants

// The first elements of a row.
struct RowStart { quants: u32, scales: u32 }

fn quants_start(row: u32) -> u32 { return (row / 32u) * (K_BLOCKS * STEPS * 32u) + row % 32u; }

// The element of `quants` with step 0 of a block; the next step is 32 further.
fn quant_at(start: RowStart, block: u32) -> u32 { return start.quants + block * (STEPS * 32u); }

// Where the words of a weight matrix lie (`packed.rs` writes them): rows are grouped in tiles of 32, and in a
// tile the order is block, step, row. Invocations that own neighbouring rows load neighbouring elements.
#import quants

// The first elements of a row.
struct RowStart { quants: u32, scales: u32 }

fn quants_start(row: u32) -> u32 { return (row / 32u) * (K_BLOCKS * STEPS * 32u) + row % 32u; }

// The element of `quants` with step 0 of a block; the next step is 32 further.
fn quant_at(start: RowStart, block: u32) -> u32 { return start.quants + block * (STEPS * 32u); }

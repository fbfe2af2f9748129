// GROUP blocks share GROUP_WORDS words of scales: [rows / 32, K_GROUPS, GROUP_WORDS, 32].
#import formats/layout, scales

fn row_start(row: u32) -> RowStart {
    return RowStart(quants_start(row), (row / 32u) * (K_GROUPS * GROUP_WORDS * 32u) + row % 32u);
}

// The first word of the scales of a block's group; the next word is 32 further.
fn scale_at(start: RowStart, block: u32) -> u32 { return start.scales + (block / GROUP) * (GROUP_WORDS * 32u); }

// Scales are loaded with their blocks; see `software/scales_of_rows`.
alias RowScales = array<u32, LANE_ROWS>;

fn load_scales(starts: array<RowStart, LANE_ROWS>, block: u32) -> RowScales { return RowScales(); }
fn with_row_scale(b: Block, word: u32) -> Block { return b; }

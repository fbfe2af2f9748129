// Weights that are floats.
#import formats/layout

fn row_start(row: u32) -> RowStart { return RowStart(quants_start(row), 0u); }

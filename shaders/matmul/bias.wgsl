// A bias on each row of W.

// [rows of all parts of W]
@binding(bias) var<storage, read> bias: array<f32>;

fn bias_of(row: u32) -> f32 { return bias[ROW_START + row]; }

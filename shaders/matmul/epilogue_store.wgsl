// Epilogue: the results are y, or with ACCUMULATE are added to it (the residual stream).
#import matmul/y

// The row of W that row `j` of a workgroup computes. Rows past the last compute it once more.
fn row_at(group: u32, j: u32) -> u32 { return min(group * ROWS + j, N_RESULTS - 1u); }

// The first of four of the eight rows that `finish` takes.
fn octet_row(octet: u32, side: u32) -> u32 { return 8u * octet + 4u * side; }

// The sums of rows 8 · octet … 8 · octet + 7 of a workgroup for a token.
fn finish(group: u32, octet: u32, token: u32, low: vec4<f32>, high: vec4<f32>) {
    let row = group * ROWS + 8u * octet;
    if (row >= N_RESULTS || !has_row(token)) {
        return;
    }
    let at = token * Y_ROW + (ROW_START + row) / 4u;
#if ACCUMULATE
    y[at] = to_y(from_y(y[at]) + low);
    y[at + 1u] = to_y(from_y(y[at + 1u]) + high);
#else
    y[at] = to_y(low);
    y[at + 1u] = to_y(high);
#end
}

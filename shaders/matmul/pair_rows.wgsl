// The rows of W of a workgroup if a result needs two: SPAN rows of side 0 of neighbouring results, then SPAN rows of
// side 1 of the same results, and so on.

// The first of four neighbouring results.
fn octet_result(group: u32, octet: u32) -> u32 { return group * (ROWS / 2u) + 4u * octet; }

// The first of the four rows of a workgroup that are one side of them.
fn octet_row(octet: u32, side: u32) -> u32 {
    return ((4u * octet) / SPAN * 2u + side) * SPAN + (4u * octet) % SPAN;
}

// The row of W that row `j` of a workgroup computes. Rows past the last compute it once more.
fn row_at(group: u32, j: u32) -> u32 {
    let result = group * (ROWS / 2u) + j / (2u * SPAN) * SPAN + j % SPAN;
    return row_of(min(result, N_RESULTS - 1u), (j / SPAN) % 2u);
}

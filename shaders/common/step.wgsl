// The rows of a pass and the page tables. Written by the host; `argmax` and `sample` advance it to the next step.

// One token of the pass.
struct Row {
    // Its position in its sequence.
    position: u32,
    // The sequence.
    sequence: u32,
}

struct Step {
    // Rows of this pass.
    n_tokens: u32,
    // Entries of `pages` for each sequence.
    page_stride: u32,
    rows: array<Row, MAX_ROWS>,
    // (sequences, page_stride): the page of the KV cache that holds each PAGE positions.
    pages: array<u32>,
}

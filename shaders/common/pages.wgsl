// The KV cache consists of pages of PAGE positions, which sequences can share. The importing shader binds a Step as
// `step`.
#import step

// The page of the cache that holds a position of a sequence.
fn cache_page(sequence: u32, position: u32) -> u32 {
    return step.pages[sequence * step.page_stride + position / PAGE];
}

// The slot of the cache that holds a position of a sequence.
fn cache_slot(sequence: u32, position: u32) -> u32 {
    return cache_page(sequence, position) * PAGE + position % PAGE;
}

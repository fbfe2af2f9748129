// Within a page of the KV cache the positions of a head are contiguous, so reading a head is a sequential scan.
#import pages

// Index, among all heads of all cached positions, of a head at a position of a sequence.
fn cached_head(sequence: u32, position: u32, kv_head: u32) -> u32 {
    return (cache_page(sequence, position) * KV_HEADS + kv_head) * PAGE + position % PAGE;
}

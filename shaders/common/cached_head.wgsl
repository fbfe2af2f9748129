// In a page of the KV cache a head has its positions one after the other: who reads one head reads on.
#import pages

// Which of all heads of all positions in the cache that of a position of a sequence is.
fn cached_head(sequence: u32, position: u32, kv_head: u32) -> u32 {
    return (cache_page(sequence, position) * KV_HEADS + kv_head) * PAGE + position % PAGE;
}

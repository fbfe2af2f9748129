// Shared by all attention kernels: scores and the causal mask.

// Query heads that share a head of keys and values.
const GROUP: u32 = HEADS / KV_HEADS;
// Below any score, and finite, because WGSL does not guarantee infinities.
const LOWEST: f32 = -3.0e38;
// No key: above any position. Positions are below 2²⁴, so they are exact in f32.
const NO_KEY: f32 = 3.0e38;

// The first position that a query at `position` attends to. WINDOW_KEYS is very large without a sliding window.
fn first_seen(position: u32) -> u32 {
    return position + 1u - min(position + 1u, WINDOW_KEYS);
}

// A query at `position` attends to a key at position j if 0 ≤ position - j < WINDOW_KEYS.
fn sees(positions: vec4<u32>, key: u32) -> vec4<bool> {
    return positions - vec4<u32>(key) < vec4<u32>(WINDOW_KEYS);
}

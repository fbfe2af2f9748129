// What all forms of attention know of scores, and of which query has which keys.

// Query heads that share a head of keys and values.
const GROUP: u32 = HEADS / KV_HEADS;
// Lower than any score, and finite, since WGSL does not promise infinities.
const LOWEST: f32 = -3.0e38;
// No key: higher than any position. Positions are below 2²⁴, so that they are exact as f32.
const NO_KEY: f32 = 3.0e38;

// The first position that a query at `position` sees. WINDOW_KEYS is very large where there is no sliding window.
fn first_seen(position: u32) -> u32 {
    return position + 1u - min(position + 1u, WINDOW_KEYS);
}

// A query at `position` sees a key at position j where 0 ≤ position - j < WINDOW_KEYS.
fn sees(positions: vec4<u32>, key: u32) -> vec4<bool> {
    return positions - vec4<u32>(key) < vec4<u32>(WINDOW_KEYS);
}

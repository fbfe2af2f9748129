// 64-bit integers: vec2<u32>(low, high).
fn add64(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = a.x + b.x;
    return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn subtract64(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    return vec2<u32>(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

fn less64(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.y < b.y || (a.y == b.y && a.x < b.x);
}

// a · b
fn multiply32(a: u32, b: u32) -> vec2<u32> {
    let a_low = a & 0xFFFFu;
    let a_high = a >> 16u;
    let b_low = b & 0xFFFFu;
    let b_high = b >> 16u;
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> 16u);
    let other = a_low * b_high + (middle & 0xFFFFu);
    return vec2<u32>((other << 16u) | (low & 0xFFFFu), a_high * b_high + (middle >> 16u) + (other >> 16u));
}

// a · part / 2³², rounded down.
fn share64(a: vec2<u32>, part: u32) -> vec2<u32> {
    return add64(multiply32(a.y, part), vec2<u32>(multiply32(a.x, part).y, 0u));
}

// a / 2^bits, rounded down.
fn shift_right64(a: vec2<u32>, bits: u32) -> vec2<u32> {
    if (bits == 0u) {
        return a;
    }
    if (bits >= 32u) {
        return vec2<u32>(a.y >> min(bits - 32u, 31u), 0u);
    }
    return vec2<u32>((a.x >> bits) | (a.y << (32u - bits)), a.y >> bits);
}

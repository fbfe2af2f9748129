// The mass of a token: its unnormalised probability, as a 64-bit integer.
#import u64

const LOG2_E: f32 = 1.44269504;

// exp(logit - highest) · 2⁴⁰, rounded down.
fn mass_of(logit: f32, highest: f32) -> vec2<u32> {
    let halvings = (highest - logit) * LOG2_E;
    if (halvings <= 0.0) {
        return vec2<u32>(0u, 256u);
    }
    if (halvings >= 41.0) {
        return vec2<u32>(0u);
    }
    let whole = floor(halvings);
    let part = u32(exp2(whole - halvings) * 2147483648.0);
    return shift_right64(vec2<u32>(part << 9u, part >> 23u), u32(whole));
}

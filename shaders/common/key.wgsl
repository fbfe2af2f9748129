// An integer with the order of the logits.
fn key_of(logit: f32) -> u32 {
    let bits = select(bitcast<u32>(logit), 0u, logit == 0.0);
    return select(bits | 0x80000000u, ~bits, bits >> 31u == 1u);
}

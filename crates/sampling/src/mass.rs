//! Weights whose sums do not depend on the order.
//!
//! Sums of f32 depend on their order, and so on the device. A token's weight relative to the most probable one is
//! therefore an integer, and all sums and comparisons of weights are exact.

/// The weight of the most probable token, as a power of two.
pub(crate) const SCALE_BITS: u32 = 40;

/// exp(logit - highest) · 2⁴⁰ with 24 significant bits; 0 below 2⁻⁴¹.
#[must_use]
pub fn mass(logit: f32, highest: f32) -> u64 {
    let halvings = (highest - logit) * std::f32::consts::LOG2_E;
    if halvings <= 0.0 {
        return 1 << SCALE_BITS;
    }
    if halvings >= 41.0 {
        return 0;
    }
    let whole = halvings.floor();
    let part = ((whole - halvings).exp2() * 2_147_483_648.0) as u32;
    (u64::from(part) << (SCALE_BITS - 31)) >> whole as u32
}

/// An integer with the order of the logits.
#[must_use]
pub fn key(logit: f32) -> u32 {
    // -0 is 0.
    let bits = if logit == 0.0 { 0 } else { logit.to_bits() };
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 0x8000_0000
    }
}

#[cfg(test)]
mod tests {
    use super::{key, mass};

    #[test]
    fn masses_are_exponentials() {
        for i in 0..4000 {
            let off = i as f32 * 0.007;
            let right = f64::from(-off).exp();
            let got = mass(3.0 - off, 3.0) as f64 / (1u64 << 40) as f64;
            // The difference of logits is rounded first.
            let exact = f64::from((3.0 - off) - 3.0).exp();
            assert!(
                (got - exact).abs() <= 3e-6 * exact + 1e-12,
                "{off}: {got} {right}"
            );
        }
        assert_eq!(mass(-1e30, 1e30), 0);
        assert_eq!(mass(5.0, 5.0), 1 << 40);
    }

    #[test]
    fn keys_are_ordered() {
        let logits = [-3e38, -7.5, -7.25, -1e-30, 0.0, 1e-30, 0.5, 12.0, 3e38];
        assert!(logits.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
        assert_eq!(key(-0.0), key(0.0));
    }
}

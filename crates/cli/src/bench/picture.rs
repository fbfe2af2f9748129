//! A picture of the time of each operation of a token.

use vitrine_protocol::{KernelTime, PassProfile};

use crate::draw::Bars;

/// Operations that are drawn separately; the others are small.
const PARTS: [&str; 7] = [
    "qkv_proj",
    "attention",
    "o_proj",
    "gate_up_proj",
    "down_proj",
    "lm_head",
    "all other",
];

/// A bar for each profile: milliseconds per token on the GPU.
pub fn picture(profiles: &[PassProfile]) -> Bars {
    Bars {
        title: "Milliseconds per token on the GPU, by timestamps".to_owned(),
        unit: "ms",
        parts: PARTS.to_vec(),
        bars: profiles.iter().map(bar).collect(),
    }
}

fn bar(profile: &PassProfile) -> (String, Vec<f64>) {
    let mut parts = vec![0.0; PARTS.len()];
    for KernelTime { name, seconds, .. } in &profile.kernels {
        let part = PARTS.iter().position(|part| part == name);
        parts[part.unwrap_or(PARTS.len() - 1)] += seconds * 1e3 / f64::from(profile.tokens.max(1));
    }
    (super::what(profile), parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_milliseconds_per_token_and_leaves_nothing_out() {
        let time = |name: &str, seconds| KernelTime {
            stage: "mlp".to_owned(),
            name: name.to_owned(),
            kernel: "matmul".to_owned(),
            dispatches: 1,
            seconds,
            weights: None,
            bytes: None,
        };
        let profile = PassProfile {
            context: 0,
            tokens: 4,
            seconds: 0.010,
            kernels: vec![
                time("down_proj", 0.004),
                time("mlp_act", 0.002),
                time("norm", 0.004),
            ],
        };
        let (name, parts) = bar(&profile);
        assert_eq!(name, "a prompt of 4");
        let rounded: Vec<f64> = parts
            .iter()
            .map(|part| (part * 1e6).round() / 1e6)
            .collect();
        assert_eq!(rounded, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.5]);
    }
}

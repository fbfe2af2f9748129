use vitrine_checkpoint::Activation;

/// act(gate) · up, element by element; `up` is all ones without a gate. In f64.
#[must_use]
pub fn mlp_act(act: Activation, gate: &[f32], up: &[f32]) -> Vec<f32> {
    gate.iter()
        .zip(up)
        .map(|(gate, up)| (apply(act, f64::from(*gate)) * f64::from(*up)) as f32)
        .collect()
}

fn apply(act: Activation, x: f64) -> f64 {
    use std::f64::consts::{FRAC_2_SQRT_PI, PI, SQRT_2};
    match act {
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::GeluTanh => {
            0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x * x * x)).tanh())
        }
        Activation::Gelu => {
            // erf as the integral of its definition, by Simpson's rule: slow and plain.
            let end = (x / SQRT_2).clamp(-6.0, 6.0);
            let n = 2000;
            let f = |i: i32| (-(end * f64::from(i) / f64::from(n)).powi(2)).exp();
            let inner: f64 = (1..n)
                .map(|i| f(i) * if i % 2 == 1 { 4.0 } else { 2.0 })
                .sum();
            let integral = (f(0) + inner + f(n)) * end / f64::from(n) / 3.0;
            0.5 * x * (1.0 + FRAC_2_SQRT_PI * integral)
        }
        Activation::Relu => x.max(0.0),
    }
}

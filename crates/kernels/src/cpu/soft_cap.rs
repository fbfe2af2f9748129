/// cap · tanh(x / cap), element by element. In f64.
#[must_use]
pub fn soft_cap(x: &[f32], cap: f32) -> Vec<f32> {
    let cap = f64::from(cap);
    x.iter()
        .map(|x| (cap * (f64::from(*x) / cap).tanh()) as f32)
        .collect()
}

// Activation function of an MLP (`hidden_act`) for two values: x · Φ(x), with Φ by the error function. erf by
// Abramowitz and Stegun 7.1.26, with an error of at most 1.5e-7.
fn act(x: vec2<f32>) -> vec2<f32> {
    let z = abs(x) * 0.7071067811865476;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let poly = t * (0.254829592
        + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let erf = 1.0 - poly * exp(-min(z * z, vec2<f32>(80.0)));
    return 0.5 * x * (1.0 + sign(x) * erf);
}

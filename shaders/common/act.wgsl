// The activation function of an MLP (`hidden_act`), of two values.
#if SILU
fn act(x: vec2<f32>) -> vec2<f32> { return x / (1.0 + exp(-x)); }
#end
#if RELU
fn act(x: vec2<f32>) -> vec2<f32> { return max(x, vec2<f32>(0.0)); }
#end
#if GELU_TANH
// √(2/π) and the cubic term of arXiv 1606.08415. Beyond ±10 the tangent is 1 in f32, and drivers
// compute it by an exponential that would overflow.
fn act(x: vec2<f32>) -> vec2<f32> {
    let cubic = 0.7978845608028654 * (x + 0.044715 * x * x * x);
    let inner = clamp(cubic, vec2<f32>(-10.0), vec2<f32>(10.0));
    return 0.5 * x * (1.0 + tanh(inner));
}
#end
#if GELU
// erf by Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
fn act(x: vec2<f32>) -> vec2<f32> {
    let z = abs(x) * 0.7071067811865476;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let poly = t * (0.254829592
        + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let erf = 1.0 - poly * exp(-min(z * z, vec2<f32>(80.0)));
    return 0.5 * x * (1.0 + sign(x) * erf);
}
#end

// Activation function of an MLP (`hidden_act`) for two values: x · Φ(x), with Φ by tanh. √(2/π) and the cubic term of
// arXiv 1606.08415. Beyond ±10 tanh is ±1 in f32, and drivers compute it with an exponential that would overflow.
fn act(x: vec2<f32>) -> vec2<f32> {
    let cubic = 0.7978845608028654 * (x + 0.044715 * x * x * x);
    let inner = clamp(cubic, vec2<f32>(-10.0), vec2<f32>(10.0));
    return 0.5 * x * (1.0 + tanh(inner));
}

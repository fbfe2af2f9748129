// Activation function of an MLP (`hidden_act`) for two values: max(x, 0).
fn act(x: vec2<f32>) -> vec2<f32> { return max(x, vec2<f32>(0.0)); }

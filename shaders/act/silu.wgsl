// Activation function of an MLP (`hidden_act`) for two values: x · sigmoid(x).
fn act(x: vec2<f32>) -> vec2<f32> { return x / (1.0 + exp(-x)); }

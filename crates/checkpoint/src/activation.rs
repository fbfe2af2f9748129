/// An activation function (`hidden_act`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x · sigmoid(x).
    Silu,
    /// x · Φ(x), with Φ by tanh: transformers' `gelu_new` and `gelu_pytorch_tanh`.
    GeluTanh,
    /// x · Φ(x), with Φ by the error function: transformers' `gelu`.
    Gelu,
    /// max(x, 0).
    Relu,
}

impl Activation {
    /// All variants.
    pub const ALL: [Self; 4] = [Self::Silu, Self::GeluTanh, Self::Gelu, Self::Relu];
}

use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{Dtype, FRAGMENTS, fragment, template};

const LANES: u32 = 64;

/// `shaders/mlp_act.wgsl`: the activation of an MLP, y = act(gate) · up, or y = act(x) without a gate.
#[derive(Clone, Copy, Debug)]
pub struct MlpAct {
    /// The function.
    pub act: Activation,
    /// Values per token (`intermediate_size`).
    pub n: u32,
    /// Floats from one token's input to the next.
    pub x_stride: u32,
    /// Offset of up in a row, if there is a gate.
    pub up_offset: Option<u32>,
    /// Floats from one token's y to the next.
    pub y_stride: u32,
    /// Data type of activations.
    pub dtype: Dtype,
}

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

    /// The unit `act` of kernels with this function.
    pub(crate) fn unit(self) -> (&'static str, &'static str) {
        let name = match self {
            Self::Silu => "act/silu",
            Self::GeluTanh => "act/gelu_tanh",
            Self::Gelu => "act/gelu",
            Self::Relu => "act/relu",
        };
        ("act", fragment(name))
    }
}

impl MlpAct {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        let mut constants = vec![
            ("LANES", LANES.into()),
            ("N", self.n.into()),
            ("X_STRIDE", self.x_stride.into()),
            ("Y_STRIDE", self.y_stride.into()),
        ];
        let mut flags = self.dtype.flags();
        if let Some(up_offset) = self.up_offset {
            constants.push(("UP_OFFSET", up_offset.into()));
            flags.push("GATED");
        }
        ShaderSource {
            name: "mlp_act",
            template: template!("mlp_act"),
            fragments: FRAGMENTS,
            units: vec![self.act.unit()],
            constants,
            flags,
            bindings: vec![("x", Binding::Read), ("y", Binding::ReadWrite)],
        }
    }

    /// `x` is (tokens, x_stride), `y` (tokens, y_stride).
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(&self, gpu: &Gpu, x: &Buffer, y: &Buffer) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let grid = Grid::plane(
            Extent::Fixed(self.n.div_ceil(2).div_ceil(LANES)),
            Extent::Tokens { per: 1 },
        );
        Dispatch::new(gpu, &kernel, &[("x", x.whole()), ("y", y.whole())], grid)
    }
}

use vitrine_checkpoint::Activation;
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

/// The unit `act` of kernels with this function.
pub(crate) fn act_unit(act: Activation) -> (&'static str, &'static str) {
    let name = match act {
        Activation::Silu => "act/silu",
        Activation::GeluTanh => "act/gelu_tanh",
        Activation::Gelu => "act/gelu",
        Activation::Relu => "act/relu",
    };
    ("act", fragment(name))
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
            units: vec![act_unit(self.act)],
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

use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{FRAGMENTS, template};

const LANES: u32 = 64;

/// `shaders/silu_mul.wgsl`: y = silu(gate) · up, the middle of a SwiGLU MLP.
#[derive(Clone, Copy, Debug)]
pub struct SiluMul {
    /// Values per token (`intermediate_size`).
    pub n: u32,
    /// Floats from one token's gate and up to the next.
    pub gate_up_stride: u32,
    /// Where up begins.
    pub up_offset: u32,
    /// Floats from one token's y to the next.
    pub y_stride: u32,
}

impl SiluMul {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        ShaderSource {
            name: "silu_mul",
            template: template!("silu_mul"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", LANES.into()),
                ("N", self.n.into()),
                ("GATE_UP_STRIDE", self.gate_up_stride.into()),
                ("UP_OFFSET", self.up_offset.into()),
                ("Y_STRIDE", self.y_stride.into()),
            ],
            flags: vec![],
            bindings: vec![Binding::Read, Binding::ReadWrite],
        }
    }

    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(&self, gpu: &Gpu, gate_up: &Buffer, y: &Buffer) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let grid = Grid::plane(
            Extent::Fixed(self.n.div_ceil(LANES)),
            Extent::Tokens { per: 1 },
        );
        Ok(Dispatch::new(
            gpu,
            &kernel,
            &[gate_up.whole(), y.whole()],
            grid,
        ))
    }
}

use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::packed::PackedPart;
use crate::{Dtype, FRAGMENTS, Format, template};

/// `shaders/matmul.wgsl`: y\[t, r\] (+)= Σ_k W\[r, k\] x\[t, k\] (+ bias\[r\]), for one part of W.
#[derive(Clone, Copy, Debug)]
pub struct Matmul {
    /// How W is stored.
    pub format: Format,
    /// Rows of this part of W.
    pub rows: u32,
    /// Weights per row.
    pub k: u32,
    /// Floats from one token's x to the next.
    pub x_stride: u32,
    /// Floats from one token's y to the next.
    pub y_stride: u32,
    /// Where this part's rows begin in y.
    pub row_start: u32,
    /// Add to y instead of overwriting it (the residual).
    pub accumulate: bool,
    /// Add a bias, one f32 per row of the whole W.
    pub bias: bool,
    /// Number format of x.
    pub x_dtype: Dtype,
    /// Number format of y.
    pub y_dtype: Dtype,
    /// Which lanes do what.
    pub shape: Shape,
}

/// How the work is cut for the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Lanes in a workgroup.
    pub lanes: u32,
    /// Rows per lane.
    pub rows: u32,
    /// Tokens per lane; 1 when one sequence decodes.
    pub cols: u32,
    /// How x is read.
    pub x: XBinding,
}

/// How x is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XBinding {
    /// As storage, whole.
    Storage,
    /// As a uniform, which lanes load once for all of them; it holds the tokens of one lane, and only
    /// those are computed.
    Uniform,
    /// The same for one block of so many tokens after the other, each with a kernel run of its own.
    UniformBlocks(u32),
}

impl Shape {
    /// A sensible cut for this device, for W with rows of `k` and passes of up to `tokens` tokens:
    /// one when decoding, a few when several sequences decode together, many in a prefill.
    #[must_use]
    pub fn choose(gpu: &Gpu, k: u32, tokens: u32) -> Self {
        let (lanes, rows, most_cols) = match (gpu.is_software(), tokens) {
            // A processor wants a workgroup no wider than its vectors, and fat lanes: unpacking
            // and loads of x are shared by many rows. 8 × 8 decodes twice as fast as 32 × 4 on
            // lavapipe, and as fast on SwiftShader.
            (true, _) => (8, 8, 4),
            // A GPU wants many lanes.
            (false, ..=8) => (64, 1, 8),
            (false, _) => (64, 2, 8),
        };
        // Each weight is read once for all tokens of a lane.
        let cols = tokens.next_power_of_two().min(most_cols);
        let row_bytes = u64::from(crate::stride(k)) * Dtype::F32.bytes();
        let fits = row_bytes * u64::from(cols) <= gpu.caps().max_uniform_binding;
        let x = if tokens <= cols && fits {
            XBinding::Uniform
        } else if gpu.is_software() && cols >= LEAST_BLOCK && fits {
            // On lavapipe almost twice as fast as from storage.
            let most = gpu.caps().max_uniform_binding / row_bytes;
            // Buffers end with a block.
            let divisor = 1 << tokens.next_multiple_of(cols).trailing_zeros();
            XBinding::UniformBlocks(divisor.min(1 << most.ilog2()))
        } else {
            XBinding::Storage
        };
        Self {
            lanes,
            rows,
            cols,
            x,
        }
    }
}

/// Blocks of fewer tokens may begin where no binding can: a row has 32 numbers of 16 bits at least.
const LEAST_BLOCK: u32 = 4;

impl Matmul {
    /// Tokens whose x a uniform holds.
    fn x_tokens(&self) -> u32 {
        match self.shape.x {
            XBinding::UniformBlocks(tokens) => tokens,
            _ => self.shape.cols,
        }
    }

    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        let (x, y) = match self.shape.x {
            XBinding::Storage => (Binding::Read, Binding::ReadWrite),
            XBinding::Uniform => (Binding::Uniform, Binding::ReadWrite),
            XBinding::UniformBlocks(_) => (Binding::UniformBlock, Binding::ReadWriteBlock),
        };
        let mut bindings = vec![Binding::Read, x, y];
        let mut flags = self.format.flags();
        flags.extend(self.x_dtype.flags());
        if self.y_dtype == Dtype::F16 {
            flags.push("HALF_Y");
        }
        if self.format.has_scales() {
            bindings.push(Binding::Read);
        }
        if self.bias {
            bindings.push(Binding::Read);
            flags.push("BIAS");
        }
        match self.shape.x {
            XBinding::Storage => {}
            XBinding::Uniform => flags.push("UNIFORM_X"),
            // The shader is the same, the layout of its bindings is not.
            XBinding::UniformBlocks(_) => flags.extend(["UNIFORM_X", "BLOCKS"]),
        }
        if self.accumulate {
            flags.push("ACCUMULATE");
        }
        let mut constants = vec![
            ("LANES", self.shape.lanes.into()),
            ("ROWS", self.shape.rows.into()),
            ("COLS", self.shape.cols.into()),
            ("N_ROWS", self.rows.into()),
            ("ROW_START", self.row_start.into()),
            ("X_TOKENS", self.x_tokens().into()),
            ("X_QUADS", (self.x_stride / 4).into()),
            ("Y_STRIDE", self.y_stride.into()),
        ];
        constants.extend(self.format.constants(self.k));
        ShaderSource {
            name: "matmul",
            template: template!("matmul"),
            fragments: FRAGMENTS,
            constants,
            flags,
            bindings,
        }
    }

    /// Multiplies x (tokens, `x_stride`) by one part of W into y (tokens, `y_stride`).
    ///
    /// y and x need rows up to a multiple of `shape.cols`, or of the blocks of a uniform. `bias` is
    /// there where the description says so.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        part: &PackedPart,
        x: &Buffer,
        y: &Buffer,
        bias: Option<&Buffer>,
    ) -> Result<Dispatch, GpuError> {
        debug_assert_eq!(self.bias, bias.is_some());
        let kernel = gpu.kernel(&self.source())?;
        let cols = self.shape.cols;
        let block = u64::from(self.x_tokens());
        let x_block = x.first(block * u64::from(self.x_stride) * self.x_dtype.bytes());
        let y_block = y.first(block * u64::from(self.y_stride) * self.y_dtype.bytes());
        let (x, y) = match self.shape.x {
            XBinding::Storage => (x.whole(), y.whole()),
            XBinding::Uniform => (x_block, y.whole()),
            XBinding::UniformBlocks(_) => (x_block, y_block),
        };
        let mut buffers = vec![part.quants.whole(), x, y];
        buffers.extend(part.scales.as_ref().map(Buffer::whole));
        buffers.extend(bias.map(Buffer::whole));
        let groups = Extent::Fixed(self.rows.div_ceil(self.shape.lanes * self.shape.rows));
        let tokens = match self.shape.x {
            // What the uniform holds is all there is, however long the pass.
            XBinding::Uniform => Extent::Fixed(1),
            _ => Extent::Tokens { per: cols },
        };
        let grid = Grid::plane(groups, tokens);
        if let XBinding::UniformBlocks(tokens) = self.shape.x {
            return Ok(Dispatch::in_blocks(gpu, &kernel, &buffers, grid, tokens));
        }
        Ok(Dispatch::new(gpu, &kernel, &buffers, grid))
    }
}

use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::packed::PackedPart;
use crate::{Activation, AppendBuffers, Dtype, FRAGMENTS, Format, RopeKvAppend, template};

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
    /// The norm that x passes first.
    pub norm: Option<InputNorm>,
    /// What becomes of the sums.
    pub then: Then,
}

/// An RMSNorm on the way into a projection; its factors come as a buffer.
#[derive(Clone, Copy, Debug)]
pub struct InputNorm {
    /// Values per token (`hidden_size`).
    pub n: u32,
    /// `rms_norm_eps`.
    pub eps: f32,
    /// Keep a copy of x as it was.
    pub keep: bool,
}

/// What becomes of the sums of a projection. All but [`Then::Store`] is for a whole W.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// They are y.
    Store,
    /// Rows r and `up_offset` + r are the gate and the middle of an MLP: y is act(gate) · up.
    Act {
        /// The function.
        act: Activation,
        /// Where the rows of up begin, behind those of the gate.
        up_offset: u32,
    },
    /// They are queries, keys and values: these turn, and go to the KV cache. Not for
    /// [`XBinding::UniformBlocks`], where a kernel run does not know which tokens it has.
    Append(RopeKvAppend),
}

/// The buffers of a projection.
#[derive(Clone, Copy)]
pub struct Operands<'a> {
    /// (tokens, x_stride).
    pub x: &'a Buffer,
    /// (rows of the whole W), there where the description says so.
    pub bias: Option<&'a Buffer>,
    /// The factors of the norm, (x_stride), and what becomes a copy of x; as the description says.
    pub norm: Option<(&'a Buffer, Option<&'a Buffer>)>,
    /// Where the results go.
    pub to: Results<'a>,
}

/// Where the results of a projection go.
#[derive(Clone, Copy)]
pub enum Results<'a> {
    /// y, (tokens, y_stride).
    Y(&'a Buffer),
    /// With [`Then::Append`].
    Cache(AppendBuffers<'a>),
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
    /// Whether the lanes are one subgroup of [`SHARED_LANES`], which shares what it loads of x.
    pub shared_x: bool,
}

/// Lanes that can share a block of x: it has so many `vec4`s.
pub const SHARED_LANES: u32 = crate::packed::BLOCK / 4;

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
            // A load costs a processor most: each lane loads every block's x otherwise.
            shared_x: lanes == SHARED_LANES && gpu.caps().subgroup_size == Some(lanes),
        }
    }
}

impl Shape {
    /// The same for results that take two rows each: a lane owns both.
    #[must_use]
    pub fn of_pairs(self) -> Self {
        Self {
            rows: self.rows.next_multiple_of(2),
            ..self
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

    /// Results of a token: rows of W, or pairs of them.
    fn results(&self) -> u32 {
        match self.then {
            Then::Store => self.rows,
            Then::Act { up_offset, .. } => up_offset,
            Then::Append(append) => append.pairs(),
        }
    }

    /// Results of a lane.
    fn results_per_lane(&self) -> u32 {
        match self.then {
            Then::Store => self.shape.rows,
            Then::Act { .. } | Then::Append(_) => self.shape.rows / 2,
        }
    }

    /// Storage buffers that it binds; adapters allow eight at least.
    #[must_use]
    pub fn storage_buffers(&self) -> u32 {
        let uniform =
            |binding: &&Binding| matches!(binding, Binding::Uniform | Binding::UniformBlock);
        let bindings = self.source().bindings;
        (bindings.len() - bindings.iter().filter(uniform).count()) as u32
    }

    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        let (x, y) = match self.shape.x {
            XBinding::Storage => (Binding::Read, Binding::ReadWrite),
            XBinding::Uniform => (Binding::Uniform, Binding::ReadWrite),
            XBinding::UniformBlocks(_) => (Binding::UniformBlock, Binding::ReadWriteBlock),
        };
        let mut constants = vec![
            ("LANES", self.shape.lanes.into()),
            ("ROWS", self.shape.rows.into()),
            ("COLS", self.shape.cols.into()),
            ("RESULTS", self.results_per_lane().into()),
            ("N_RESULTS", self.results().into()),
            ("ROW_START", self.row_start.into()),
            ("X_TOKENS", self.x_tokens().into()),
            ("X_QUADS", (self.x_stride / 4).into()),
            ("Y_STRIDE", self.y_stride.into()),
        ];
        constants.extend(self.format.constants(self.k));
        let mut bindings = vec![Binding::Read, x];
        let mut flags = self.format.flags();
        flags.extend(self.x_dtype.flags());
        if let Some(norm) = self.norm {
            bindings.push(Binding::Uniform);
            flags.push("NORM");
            constants.extend([("NORM_N", norm.n.into()), ("NORM_EPS", norm.eps.into())]);
        }
        if !matches!(self.then, Then::Append(_)) {
            bindings.push(y);
        }
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
        if self.norm.is_some_and(|norm| norm.keep) {
            bindings.push(Binding::ReadWrite);
            flags.push("KEEP");
        }
        match self.shape.x {
            XBinding::Storage => {}
            XBinding::Uniform => flags.push("UNIFORM_X"),
            // The shader is the same, the layout of its bindings is not.
            XBinding::UniformBlocks(_) => flags.extend(["UNIFORM_X", "BLOCKS"]),
        }
        if self.shape.shared_x {
            flags.push("SHARED_X");
        }
        if self.accumulate {
            flags.push("ACCUMULATE");
        }
        match self.then {
            Then::Store => {}
            Then::Act { act, up_offset } => {
                flags.extend(["PAIRED", "ACT", act.flag()]);
                constants.push(("UP_OFFSET", up_offset.into()));
            }
            Then::Append(append) => {
                let (append_bindings, append_flags, append_constants) = append.append();
                bindings.extend(append_bindings);
                flags.extend(["PAIRED", "APPEND"]);
                flags.extend(append_flags);
                constants.extend(append_constants);
            }
        }
        ShaderSource {
            name: "matmul",
            template: template!("matmul"),
            fragments: FRAGMENTS,
            constants,
            flags,
            bindings,
        }
    }

    /// Multiplies x (tokens, `x_stride`) by one part of W into y (tokens, `y_stride`), where there is
    /// no norm and no more to do.
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
        let operands = Operands {
            x,
            bias,
            norm: None,
            to: Results::Y(y),
        };
        self.dispatch_with(gpu, part, operands)
    }

    /// The same with all there may be.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch_with(
        &self,
        gpu: &Gpu,
        part: &PackedPart,
        operands: Operands<'_>,
    ) -> Result<Dispatch, GpuError> {
        let Operands { x, bias, norm, to } = operands;
        debug_assert_eq!(self.bias, bias.is_some());
        debug_assert_eq!(self.norm.is_some(), norm.is_some());
        let kernel = gpu.kernel(&self.source())?;
        let cols = self.shape.cols;
        let block = u64::from(self.x_tokens());
        let x_block = x.first(block * u64::from(self.x_stride) * self.x_dtype.bytes());
        let x = match self.shape.x {
            XBinding::Storage => x.whole(),
            XBinding::Uniform | XBinding::UniformBlocks(_) => x_block,
        };
        let mut buffers = vec![part.quants.whole(), x];
        let (factors, kept) = norm.unzip();
        let factor_bytes = u64::from(self.x_stride) * Dtype::F32.bytes();
        buffers.extend(factors.map(|factors| factors.first(factor_bytes)));
        if let Results::Y(y) = to {
            buffers.push(match self.shape.x {
                XBinding::UniformBlocks(_) => {
                    y.first(block * u64::from(self.y_stride) * self.y_dtype.bytes())
                }
                XBinding::Storage | XBinding::Uniform => y.whole(),
            });
        }
        buffers.extend(part.scales.as_ref().map(Buffer::whole));
        buffers.extend(bias.map(Buffer::whole));
        buffers.extend(kept.flatten().map(Buffer::whole));
        if let Results::Cache(append) = to {
            buffers.extend(append.ranges());
        }
        let lane_results = self.shape.lanes * self.results_per_lane();
        let groups = Extent::Fixed(self.results().div_ceil(lane_results));
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

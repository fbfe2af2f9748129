use std::hash::{DefaultHasher, Hash, Hasher};

use vitrine_gpu::shader::SUBGROUPS;
use vitrine_gpu::{
    Binding, Bound, Buffer, Constant, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, Store,
    StoreKind,
};

use crate::packed::{BLOCK, PackedPart, TEXEL_ROWS, TEXEL_STEP, TILE, scales_in, store_flags};
use crate::quantize_x::{PACKED_BLOCK_QUADS, packed_bytes, packed_quads};
use crate::{
    Activation, AppendBuffers, Dtype, FRAGMENTS, Format, RopeKvAppend, Shape, SliceSums, XBinding,
    XFormat, stride, template,
};

/// `shaders/matmul.wgsl`: y\[t, r\] (+)= Σ_k W\[r, k\] x\[t, k\] (+ bias\[r\]), for one part of W.
#[derive(Clone, Copy, Debug)]
pub struct Matmul {
    /// How W is stored.
    pub format: Format,
    /// From where W is read; some formats have their scales in storage all the same.
    pub quants: StoreKind,
    /// Rows of this part of W.
    pub rows: u32,
    /// Weights per row.
    pub k: u32,
    /// Floats from one token's x to the next; not for [`XFormat::Packed`], which has its own rows.
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
    pub x_format: XFormat,
    /// Number format of y.
    pub y_dtype: Dtype,
    /// Which lanes do what.
    pub shape: Shape,
    /// The norm that x passes first; not for [`XFormat::Packed`], which has passed it.
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
    /// They are queries, keys and values: these turn, and go to the KV cache.
    Append(RopeKvAppend),
}

/// The buffers of a projection.
#[derive(Clone, Copy)]
pub struct Operands<'a> {
    /// (tokens, x_stride), or packed; a buffer, or with [`XBinding::Texels`] a texture.
    pub x: Bound<'a>,
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

/// Changes when the shader does, so that nobody goes by what was measured of another one.
#[must_use]
pub fn matmul_revision() -> String {
    let mut hasher = DefaultHasher::new();
    (template!("matmul"), FRAGMENTS).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

impl Matmul {
    /// y = W x for one part of W, floats on both sides, and nothing on the way.
    #[must_use]
    pub fn plain(part: &PackedPart, shape: Shape) -> Self {
        Self {
            format: part.format,
            quants: part.quants.kind(),
            rows: part.rows,
            k: part.k,
            x_stride: stride(part.k),
            y_stride: part.rows,
            row_start: part.row_start,
            accumulate: false,
            bias: false,
            x_format: Dtype::F32.into(),
            y_dtype: Dtype::F32,
            shape,
            norm: None,
            then: Then::Store,
        }
    }

    /// Elements of a token's x as the shader sees them.
    fn x_quads(&self) -> u32 {
        match self.x_format {
            XFormat::Floats(_) => self.x_stride / 4,
            XFormat::Packed => packed_quads(self.k),
        }
    }

    /// Bytes from one token's x to the next.
    #[must_use]
    pub fn x_row_bytes(&self) -> u64 {
        match self.x_format {
            XFormat::Floats(dtype) => u64::from(self.x_stride) * dtype.bytes(),
            XFormat::Packed => packed_bytes(self.k),
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

    /// Whether a workgroup has whole texels of keys and values, where it appends them to a texture.
    #[must_use]
    pub fn has_whole_texels(&self) -> bool {
        match self.then {
            Then::Append(append) => {
                let pairs = self.shape.row_lanes() * self.results_per_lane();
                pairs.is_multiple_of(append.cache.pairs_at_once())
            }
            _ => true,
        }
    }

    /// Whether scales are texels, and the rows of each lane take whole ones: those of a workgroup are whole
    /// tiles, and a lane's go on in steps of [`TEXEL_STEP`] or half as many.
    fn shares_scales(&self) -> bool {
        let lanes = self.shape.row_lanes();
        let whole_tiles = (lanes * self.results_per_lane()).is_multiple_of(TILE)
            && self.results().is_multiple_of(TILE);
        // Pairs are as far apart as their rows.
        let in_order = match self.then {
            Then::Store | Then::Act { .. } => true,
            Then::Append(append) => append.keeps_tiles(),
        };
        let is_texels =
            self.format.has_scales() && scales_in(self.quants, self.format) != StoreKind::Buffer;
        is_texels && [TEXEL_STEP, TEXEL_STEP / 2].contains(&lanes) && whole_tiles && in_order
    }

    /// Storage buffers that it binds; adapters allow eight at least.
    #[must_use]
    pub fn storage_buffers(&self) -> u32 {
        let storage = |binding: &&Binding| matches!(binding, Binding::Read | Binding::ReadWrite);
        self.source().bindings.iter().filter(storage).count() as u32
    }

    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        let x = match self.shape.x {
            XBinding::Storage | XBinding::Workgroup => Binding::Read,
            XBinding::Uniform => Binding::Uniform,
            XBinding::Texels(kind) => kind.binding(),
        };
        let mut constants = vec![
            ("LANES", self.shape.lanes.into()),
            ("SLICES", self.shape.slices.into()),
            ("ROW_LANES", self.shape.row_lanes().into()),
            ("ROWS", self.shape.rows.into()),
            ("COLS", self.shape.cols.into()),
            ("RESULTS", self.results_per_lane().into()),
            ("N_RESULTS", self.results().into()),
            ("ROW_START", self.row_start.into()),
            ("X_QUADS", self.x_quads().into()),
            ("Y_STRIDE", self.y_stride.into()),
        ];
        constants.extend(self.format.constants(self.k));
        let mut bindings = vec![self.quants.binding(), x];
        let mut flags = self.format.flags();
        flags.extend(store_flags(self.quants, self.format));
        match self.x_format {
            XFormat::Floats(dtype) => {
                flags.extend(dtype.flags());
                constants.push(("BLOCK_QUADS", (BLOCK / 4).into()));
            }
            XFormat::Packed => {
                flags.push("PACKED");
                // Bytes have their sign there.
                flags.retain(|flag| *flag != "LIFTED");
                if !flags.contains(&"MINS") {
                    flags.retain(|flag| *flag != "X_SUMS");
                }
                // Where a block has two steps, the sums of its halves; else that of all of it.
                let step_sum = if self.format.quants().steps == 2 {
                    1
                } else {
                    3
                };
                constants.push(("BLOCK_QUADS", PACKED_BLOCK_QUADS.into()));
                constants.push(("STEP_SUM", Constant::U32(step_sum)));
            }
        }
        if let Some(norm) = self.norm {
            bindings.push(Binding::Uniform);
            flags.push("NORM");
            constants.extend([("NORM_N", norm.n.into()), ("NORM_EPS", norm.eps.into())]);
        }
        if !matches!(self.then, Then::Append(_)) {
            bindings.push(Binding::ReadWrite);
        }
        if self.y_dtype == Dtype::F16 {
            flags.push("HALF_Y");
        }
        if self.format.has_scales() {
            bindings.push(scales_in(self.quants, self.format).binding());
        }
        if self.shares_scales() {
            flags.push("SHARED_SCALES");
            let texels = self.shape.rows / TEXEL_ROWS;
            constants.push(("SCALE_TEXELS_PER_LANE", texels.into()));
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
            XBinding::Storage => flags.push("STORAGE_X"),
            XBinding::Workgroup => {
                flags.extend(["STORAGE_X", "STAGED"]);
                constants.push(("STAGE_BLOCKS", self.shape.stage_blocks().into()));
                // The factors of a norm come in between.
                if self.norm.is_none() {
                    flags.push("READY");
                }
            }
            XBinding::Uniform => {
                flags.push("UNIFORM_X");
                let elements = (self.x_row_bytes() / 16) as u32;
                constants.push(("X_ELEMENTS", elements.into()));
            }
            XBinding::Texels(kind) => {
                debug_assert!(self.quants == StoreKind::Buffer || self.quants == kind);
                flags.push("TEXEL_X");
                if kind == StoreKind::StorageTexture {
                    flags.push("STORAGE_TEXTURE");
                }
            }
        }
        if self.shape.shared_x {
            flags.extend(["SHARED_X", SUBGROUPS]);
            constants.push(("SHARED_QUADS", (BLOCK / 4 / self.shape.lanes).into()));
        }
        if self.shape.slices > 1 {
            flags.push("SLICED");
            if let SliceSums::Subgroup(size) = self.shape.sums {
                flags.extend(["BY_SUBGROUP", SUBGROUPS]);
                constants.push(("SUBGROUP_ROWS", (size / self.shape.slices).into()));
                constants.push(("SLICE_BITS", self.shape.slices.ilog2().into()));
            }
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
                if self.x_format == XFormat::Packed {
                    flags.extend(append.dtype.flags());
                }
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
    /// y and x need rows up to a multiple of `shape.cols`. `bias` is there where the description says so.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch<'a>(
        &self,
        gpu: &Gpu,
        part: &PackedPart,
        x: impl Into<Bound<'a>>,
        y: &Buffer,
        bias: Option<&Buffer>,
    ) -> Result<Dispatch, GpuError> {
        let operands = Operands {
            x: x.into(),
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
        debug_assert_eq!(self.quants, part.quants.kind());
        debug_assert_eq!(self.bias, bias.is_some());
        debug_assert_eq!(self.norm.is_some(), norm.is_some());
        let kernel = gpu.kernel(&self.source())?;
        let cols = self.shape.cols;
        let x = match (self.shape.x, x) {
            (XBinding::Uniform, Bound::Buffer { buffer, .. }) => {
                buffer.first(u64::from(cols) * self.x_row_bytes())
            }
            _ => x,
        };
        let mut buffers = vec![part.quants.whole(), x];
        let (factors, kept) = norm.unzip();
        let factor_bytes = u64::from(self.x_stride) * Dtype::F32.bytes();
        buffers.extend(factors.map(|factors| factors.first(factor_bytes)));
        if let Results::Y(y) = to {
            buffers.push(y.whole());
        }
        buffers.extend(part.scales.as_ref().map(Store::whole));
        buffers.extend(bias.map(Buffer::whole));
        buffers.extend(kept.flatten().map(Buffer::whole));
        if let Results::Cache(append) = to {
            buffers.extend(append.ranges());
        }
        let group_results = self.shape.row_lanes() * self.results_per_lane();
        let groups = Extent::Fixed(self.results().div_ceil(group_results));
        let tokens = match self.shape.x {
            // What the uniform holds is all there is, however long the pass.
            XBinding::Uniform => Extent::Fixed(1),
            _ => Extent::Tokens { per: cols },
        };
        let grid = Grid::plane(groups, tokens);
        Ok(Dispatch::new(gpu, &kernel, &buffers, grid))
    }
}

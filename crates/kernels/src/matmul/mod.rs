//! y = W x (+ b) with an epilogue.

mod choose;
mod gpu;
mod tiling;

use std::hash::{DefaultHasher, Hash, Hasher};

use vitrine_checkpoint::Activation;
use vitrine_gpu::{
    Binding, Bound, Buffer, Dispatch, Gpu, GpuError, ShaderSource, Store, StoreKind,
};

use crate::packed::PackedPart;
use crate::quantize_x::{packed_bytes, packed_quads};
use crate::{AppendBuffers, Dtype, FRAGMENTS, Format, RopeKvAppend, XFormat, software, stride};

pub use tiling::Tiling;

/// y\[t, r\] (+)= Σ_k W\[r, k\] x\[t, k\] (+ bias\[r\]), for one part of W. The tiling selects the kernel:
/// `shaders/matmul/vec.wgsl`, `shaders/matmul/tile.wgsl` or `shaders/software/matmul.wgsl`.
#[derive(Clone, Copy, Debug)]
pub struct Matmul {
    /// Weight format of W.
    pub format: Format,
    /// The memory of W's quants; some formats always have their scales in a storage buffer.
    pub quants: StoreKind,
    /// Rows of this part of W.
    pub rows: u32,
    /// Weights per row.
    pub k: u32,
    /// Floats from one token's x to the next; [`XFormat::Packed`] has its own row length.
    pub x_stride: u32,
    /// Floats from one token's y to the next.
    pub y_stride: u32,
    /// The first row of this part in y.
    pub row_start: u32,
    /// Whether to add a bias, one f32 per row of the whole W.
    pub bias: bool,
    /// Data type of x.
    pub x_format: XFormat,
    /// Data type of y.
    pub y_dtype: Dtype,
    /// The kernel and its tiling.
    pub tiling: Tiling,
    /// The RMSNorm that is fused before the product. Not with [`XFormat::Packed`], which is normalised already, nor
    /// with [`Tiling::Tile`].
    pub norm: Option<InputNorm>,
    /// What is done with the sums.
    pub epilogue: Epilogue,
}

/// An RMSNorm that is fused into the projection after it; its weights are in a buffer.
#[derive(Clone, Copy, Debug)]
pub struct InputNorm {
    /// Values per token (`hidden_size`).
    pub n: u32,
    /// `rms_norm_eps`.
    pub eps: f32,
    /// Whether to keep a copy of x before the norm.
    pub keep: bool,
}

/// What a projection does with its sums. [`Epilogue::Gate`] and [`Epilogue::Append`] need the whole W and compute
/// each result from two of its rows.
#[derive(Clone, Copy, Debug)]
pub enum Epilogue {
    /// Stores them as y.
    Store,
    /// Adds them to y, the residual stream.
    Add,
    /// Gated MLP: rows r and `up_offset` + r are gate and up, and y = act(gate) · up.
    Gate {
        /// The activation function.
        act: Activation,
        /// The first row of up, after those of the gate.
        up_offset: u32,
    },
    /// Rotates queries and keys, and appends keys and values to the KV cache.
    Append(RopeKvAppend),
}

impl Epilogue {
    /// Rows of W per result.
    #[must_use]
    pub fn rows_per_result(&self) -> u32 {
        match self {
            Self::Store | Self::Add => 1,
            Self::Gate { .. } | Self::Append(_) => 2,
        }
    }
}

/// The buffers of a projection.
#[derive(Clone, Copy)]
pub struct Operands<'a> {
    /// (tokens, x_stride), or packed. A buffer, or a texture if a [`Tiling::Software`] binds texels.
    pub x: Bound<'a>,
    /// (rows of the whole W), if the description has a bias.
    pub bias: Option<&'a Buffer>,
    /// The weights of the norm, (x_stride), and the buffer for a copy of x, if the description has them.
    pub norm: Option<(&'a Buffer, Option<&'a Buffer>)>,
    /// Where the results go.
    pub to: Results<'a>,
}

/// Where the results of a projection go.
#[derive(Clone, Copy)]
pub enum Results<'a> {
    /// y, (tokens, y_stride).
    Y(&'a Buffer),
    /// With [`Epilogue::Append`].
    Cache(AppendBuffers<'a>),
}

/// Increased with every change of these shaders, so that tunings of earlier versions are discarded.
#[must_use]
pub fn matmul_revision() -> String {
    let mut hasher = DefaultHasher::new();
    FRAGMENTS.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

impl Matmul {
    /// y = W x for one part of W with floats on both sides.
    #[must_use]
    pub fn plain(part: &PackedPart, tiling: Tiling) -> Self {
        Self {
            format: part.format,
            quants: part.quants.kind(),
            rows: part.rows,
            k: part.k,
            x_stride: stride(part.k),
            y_stride: part.rows,
            row_start: part.row_start,
            bias: false,
            x_format: Dtype::F32.into(),
            y_dtype: Dtype::F32,
            tiling,
            norm: None,
            epilogue: Epilogue::Store,
        }
    }

    /// Elements of a token's x in the shader.
    pub(crate) fn x_row(&self) -> u32 {
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
    pub(crate) fn results(&self) -> u32 {
        match self.epilogue {
            Epilogue::Store | Epilogue::Add => self.rows,
            Epilogue::Gate { up_offset, .. } => up_offset,
            Epilogue::Append(append) => append.pairs(),
        }
    }

    /// Number of bound storage buffers; every adapter allows eight.
    #[must_use]
    pub fn storage_buffers(&self) -> u32 {
        let source = self.source();
        let kinds = source.bindings.iter().map(|(_, binding)| binding);
        let storage = |binding: &&Binding| matches!(binding, Binding::Read | Binding::ReadWrite);
        kinds.filter(storage).count() as u32
    }

    /// Whether the kernel can append to this cache: for a texture, a workgroup must have whole texels.
    #[must_use]
    pub fn has_whole_texels(&self) -> bool {
        match self.tiling {
            Tiling::Software(tiling) => software::has_whole_texels(self, tiling),
            Tiling::Vec { .. } | Tiling::Tile { .. } => true,
        }
    }

    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        match self.tiling {
            Tiling::Vec { slices, tokens } => gpu::vec(self, slices, tokens),
            Tiling::Tile { tokens } => gpu::tile(self, tokens),
            Tiling::Software(tiling) => software::matmul(self, tiling),
        }
    }

    /// Multiplies x (tokens, `x_stride`) by one part of W into y (tokens, `y_stride`), without a norm.
    /// `bias` is present if the description has one.
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

    /// The same with a norm and any epilogue.
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
        let x = self.tiling.bound_x(x, self.x_row_bytes());
        let mut bindings = vec![("quants", part.quants.whole()), ("x", x)];
        if let Some((weights, kept)) = norm {
            let bytes = u64::from(self.x_stride) * Dtype::F32.bytes();
            bindings.push(("norm", weights.first(bytes)));
            bindings.extend(kept.map(|kept| ("kept", kept.whole())));
        }
        bindings.extend(
            part.scales
                .as_ref()
                .map(|scales| ("scales", Store::whole(scales))),
        );
        bindings.extend(bias.map(|bias| ("bias", bias.whole())));
        match to {
            Results::Y(y) => bindings.push(("y", y.whole())),
            Results::Cache(append) => bindings.extend(append.bindings()),
        }
        let grid = self
            .tiling
            .grid(self.results(), self.epilogue.rows_per_result());
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}

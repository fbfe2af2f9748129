use vitrine_gpu::{
    Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, Store, StoreKind,
};

use crate::packed::{BLOCK, PackedPart, scales_in, store_flags};
use crate::{Dtype, FRAGMENTS, Format, step, template};

const LANES: u32 = 32;

/// `shaders/embed.wgsl`: looks token ids up in the embedding, x\[t, :\] = embed_tokens\[id_t, :\] ·
/// scale; or adds learned positions, x\[t, :\] += embed_positions\[position of t, :\].
#[derive(Clone, Copy, Debug)]
pub struct Embed {
    /// How the table is stored.
    pub format: Format,
    /// From where the table is read; some formats have their scales in storage all the same.
    pub quants: StoreKind,
    /// First row of this part of the table.
    pub row_start: u32,
    /// Rows of this part.
    pub rows: u32,
    /// Weights per row (`hidden_size`).
    pub k: u32,
    /// Floats from one token's x to the next.
    pub x_stride: u32,
    /// What the rows are.
    pub table: Table,
    /// Number format of activations.
    pub dtype: Dtype,
}

/// The table that [`Embed`] reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Table {
    /// One row per token id, multiplied by `scale` (1, or Gemma's √hidden_size).
    Tokens {
        /// The factor.
        scale: f32,
    },
    /// One row per position, added to what is there.
    Positions,
}

impl Embed {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        let mut bindings = vec![self.quants.binding(), Binding::Read];
        if self.table != Table::Positions {
            bindings.push(Binding::Read);
        }
        bindings.push(Binding::ReadWrite);
        if self.format.has_scales() {
            bindings.push(scales_in(self.quants, self.format).binding());
        }
        let mut flags = self.format.flags();
        flags.extend(self.dtype.flags());
        flags.extend(store_flags(self.quants, self.format));
        let scale = match self.table {
            Table::Tokens { scale } => scale,
            Table::Positions => {
                flags.push("POSITIONS");
                1.0
            }
        };
        let mut constants = vec![
            ("LANES", LANES.into()),
            ("ROW_START", self.row_start.into()),
            ("N_ROWS", self.rows.into()),
            ("X_STRIDE", self.x_stride.into()),
            ("SCALE", scale.into()),
        ];
        constants.extend(step::constants());
        constants.extend(self.format.constants(self.k));
        if !self.k.is_multiple_of(BLOCK) && flags.contains(&"MINS") {
            flags.push("RAGGED");
            constants.push(("K", self.k.into()));
        }
        ShaderSource {
            name: "embed",
            template: template!("embed"),
            fragments: FRAGMENTS,
            constants,
            flags,
            bindings,
        }
    }

    /// Looks up one part of the table. `history` has the ids, (slots); it is not read for positions.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        gpu: &Gpu,
        part: &PackedPart,
        table: Table,
        [step, history]: [&Buffer; 2],
        x: &Buffer,
        x_stride: u32,
        dtype: Dtype,
    ) -> Result<Dispatch, GpuError> {
        let this = Self {
            format: part.format,
            quants: part.quants.kind(),
            row_start: part.row_start,
            rows: part.rows,
            k: part.k,
            x_stride,
            table,
            dtype,
        };
        let kernel = gpu.kernel(&this.source())?;
        let mut buffers = vec![part.quants.whole(), step.whole()];
        if table != Table::Positions {
            buffers.push(history.whole());
        }
        buffers.push(x.whole());
        buffers.extend(part.scales.as_ref().map(Store::whole));
        let blocks = Extent::Fixed(this.k.div_ceil(BLOCK).div_ceil(LANES));
        let grid = Grid::plane(blocks, Extent::Tokens { per: 1 });
        Ok(Dispatch::new(gpu, &kernel, &buffers, grid))
    }
}

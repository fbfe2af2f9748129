use vitrine_gpu::{
    Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, StoreKind,
};

use crate::packed::{BLOCK, PackedPart, store_units};
use crate::{Dtype, FRAGMENTS, Format, fragment, step, template};

const LANES: u32 = 32;

/// `shaders/embed.wgsl`: looks token ids up in the embedding, x\[t, :\] = embed_tokens\[id_t, :\] ·
/// scale; or adds learned positions, x\[t, :\] += embed_positions\[position of t, :\].
#[derive(Clone, Copy, Debug)]
pub struct Embed {
    /// Weight format of the table.
    pub format: Format,
    /// The memory of the table's quants; some formats always have their scales in a storage buffer.
    pub quants: StoreKind,
    /// First row of this part of the table.
    pub row_start: u32,
    /// Rows of this part.
    pub rows: u32,
    /// Weights per row (`hidden_size`).
    pub k: u32,
    /// Floats from one token's x to the next.
    pub x_stride: u32,
    /// Token or position embeddings.
    pub table: Table,
    /// Data type of activations.
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
    /// One row per position, added to x.
    Positions,
}

impl Embed {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        let mut source = ShaderSource {
            name: "embed",
            template: template!("embed"),
            fragments: FRAGMENTS,
            units: vec![
                ("format", fragment(self.format.fragment())),
                ("numbers", fragment("formats/numbers")),
            ],
            constants: self.format.constants(self.k),
            flags: self.dtype.flags(),
            ..ShaderSource::default()
        };
        let scales = store_units(self.quants, self.format, &mut source);
        source.units.push(("scales", fragment(scales)));
        source.bind("step", Binding::Read);
        let scale = match self.table {
            Table::Tokens { scale } => {
                source.bind("history", Binding::Read);
                scale
            }
            Table::Positions => {
                source.flags.push("POSITIONS");
                1.0
            }
        };
        source.bind("x", Binding::ReadWrite);
        source.constants.extend([
            ("LANES", LANES.into()),
            ("ROW_START", self.row_start.into()),
            ("N_ROWS", self.rows.into()),
            ("K", self.k.into()),
            ("X_ROW", (self.x_stride / 4).into()),
            ("SCALE", scale.into()),
        ]);
        source.constants.extend(step::constants());
        source
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
        let mut bindings = vec![
            ("quants", part.quants.whole()),
            ("step", step.whole()),
            ("x", x.whole()),
        ];
        bindings.extend(
            part.scales
                .as_ref()
                .map(|scales| ("scales", scales.whole())),
        );
        if let Table::Tokens { .. } = table {
            bindings.push(("history", history.whole()));
        }
        let blocks = Extent::Fixed(this.k.div_ceil(BLOCK).div_ceil(LANES));
        let grid = Grid::plane(blocks, Extent::Tokens { per: 1 });
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}

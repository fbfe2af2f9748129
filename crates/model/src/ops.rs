//! Norms and projections, shared by the layers, the head and the readout.

use vitrine_checkpoint::Config;
use vitrine_gpu::{Buffer, Extent, Gpu, Recording};
use vitrine_kernels::{
    Dtype, Epilogue, InputNorm, LayerNorm, Matmul, Operands, PackedPart, QuantizeX, Results,
    RmsNorm, XFormat,
};

use crate::activations::Activations;
use crate::tuning::MatmulKind;
use crate::weights::{Matrix, NormWeights};
use crate::{ModelError, Tuning};

/// A recorder of norms and projections.
pub struct Ops<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// Width and epsilon of norms.
    pub config: &'a Config,
    /// The tilings measured on this adapter.
    pub tuning: &'a Tuning,
    /// The data type of activations, and buffers for packed ones.
    pub act: &'a Activations,
    /// Maximum rows of a pass; tilings are chosen for it.
    pub rows: u32,
    /// Receives the dispatches.
    pub recording: &'a mut Recording,
}

impl<'a> Ops<'a> {
    /// Records y = norm(x) for each row, or with `last_row` only for the last row of `step`. A copy of x
    /// is written to `kept`.
    pub fn norm(
        &mut self,
        weights: &NormWeights,
        x: &Buffer,
        y: &Buffer,
        step: &Buffer,
        last_row: bool,
        kept: Option<&Buffer>,
    ) -> Result<(), ModelError> {
        let (n, eps, dtype) = (
            self.config.hidden_size,
            self.config.norm_eps,
            self.act.dtype,
        );
        let weight = &weights.weight.buffer;
        let dispatch = match &weights.bias {
            Some(bias) => {
                let norm = LayerNorm {
                    n,
                    eps,
                    last_row,
                    dtype,
                    keep: kept.is_some(),
                };
                norm.dispatch(self.gpu, x, [weight, &bias.buffer], y, step, kept)?
            }
            None => {
                let norm = RmsNorm {
                    n,
                    eps,
                    last_row,
                    dtype,
                    add: false,
                    keep: kept.is_some(),
                };
                norm.dispatch(self.gpu, x, weight, y, step, kept)?
            }
        };
        self.recording.dispatch(dispatch);
        Ok(())
    }

    /// Records y = W x + b, or y += W x + b, for all parts of W.
    pub fn matmul(
        &mut self,
        matrix: &Matrix,
        bias: Option<&Buffer>,
        x: &Buffer,
        (y, y_dtype): (&Buffer, Dtype),
        accumulate: bool,
    ) -> Result<(), ModelError> {
        self.project(&Projection {
            matrix,
            bias,
            x,
            norm: None,
            epilogue: match accumulate {
                true => Epilogue::Add,
                false => Epilogue::Store,
            },
            to: Results::Y(y),
            y_dtype,
            y_stride: matrix.rows,
        })
    }

    /// Records a projection with its fused norm and epilogue.
    pub fn project(&mut self, projection: &Projection<'_>) -> Result<(), ModelError> {
        let Projection {
            matrix,
            bias,
            x,
            norm,
            to,
            ..
        } = *projection;
        let norm = norm.map(|(weights, kept)| (&weights.weight.buffer, kept));
        let packed = self.pack(projection)?;
        let mut in_texels = None;
        for part in &matrix.parts {
            let matmul = self.describe(projection, part);
            let (x, norm) = match (matmul.x_format, packed) {
                (XFormat::Packed, Some(packed)) => (packed, None),
                _ => (x, norm),
            };
            let x = match &self.act.x_texels {
                Some(texels) if matmul.tiling.takes_texels() => {
                    if in_texels != Some(matmul.x_format) {
                        self.recording.copy_rows(x, texels, matmul.x_row_bytes());
                        in_texels = Some(matmul.x_format);
                    }
                    texels.whole()
                }
                _ => x.whole(),
            };
            let operands = Operands { x, bias, norm, to };
            let dispatch = matmul.dispatch_with(self.gpu, part, operands)?;
            self.recording.dispatch(dispatch);
        }
        Ok(())
    }

    /// Records the packing of x, with its norm, if a part of the matrix is multiplied by 8-bit activations.
    fn pack(&mut self, projection: &Projection<'_>) -> Result<Option<&'a Buffer>, ModelError> {
        let Projection {
            matrix, x, norm, ..
        } = *projection;
        let act = self.act;
        let packs = |part: &&PackedPart| act.x_format(part.format) == XFormat::Packed;
        let (Some(part), Some(packed)) = (matrix.parts.iter().find(packs), &act.packed) else {
            return Ok(None);
        };
        let eps = norm.map(|_| self.config.norm_eps);
        let keep = norm.is_some_and(|(_, kept)| kept.is_some());
        let quantize = QuantizeX::new(self.gpu, part.k, eps, keep, act.dtype);
        let norm = norm.map(|(weights, kept)| (&weights.weight.buffer, kept));
        // Capacity for one row means the last row of any pass.
        let each = match self.rows {
            1 => Extent::Fixed(1),
            _ => Extent::Tokens { per: 1 },
        };
        let dispatch = quantize.dispatch(self.gpu, x, norm, packed, each)?;
        self.recording.dispatch(dispatch);
        Ok(Some(packed))
    }

    /// Whether this can be a single kernel: there is one part, and the adapter can bind all its buffers.
    pub fn fits_one_kernel(&self, projection: &Projection<'_>) -> bool {
        let [part] = &projection.matrix.parts[..] else {
            return false;
        };
        let matmul = self.describe(projection, part);
        matmul.has_whole_texels() && matmul.storage_buffers() <= self.gpu.caps().max_storage_buffers
    }

    fn describe(&self, projection: &Projection<'_>, part: &PackedPart) -> Matmul {
        let PackedPart {
            format, k, rows, ..
        } = *part;
        let x_format = self.act.x_format(format);
        let kind = MatmulKind {
            name: self.recording.place().name,
            format,
            rows,
            k,
            tokens: self.rows,
            x_format,
        };
        // Packed activations are already normalised.
        let norm = match x_format {
            XFormat::Floats(_) => projection.norm,
            XFormat::Packed => None,
        };
        let tiling = self.tuning.tiling(self.gpu, &kind);
        Matmul {
            y_stride: projection.y_stride,
            bias: projection.bias.is_some(),
            x_format,
            y_dtype: projection.y_dtype,
            norm: norm.map(|(_, kept)| InputNorm {
                n: self.config.hidden_size,
                eps: self.config.norm_eps,
                keep: kept.is_some(),
            }),
            epilogue: projection.epilogue,
            ..Matmul::plain(part, tiling)
        }
    }
}

/// The RMSNorm fused into a projection, applied to x, and a buffer for a copy of x.
pub type FusedNorm<'a> = (&'a NormWeights, Option<&'a Buffer>);

/// A projection with its fused norm and epilogue.
#[derive(Clone, Copy)]
pub struct Projection<'a> {
    /// W.
    pub matrix: &'a Matrix,
    /// b.
    pub bias: Option<&'a Buffer>,
    /// x.
    pub x: &'a Buffer,
    /// The norm that is applied to x.
    pub norm: Option<FusedNorm<'a>>,
    /// The epilogue.
    pub epilogue: Epilogue,
    /// The destination of the results.
    pub to: Results<'a>,
    /// Data type of the results.
    pub y_dtype: Dtype,
    /// Elements from one token's results to the next.
    pub y_stride: u32,
}

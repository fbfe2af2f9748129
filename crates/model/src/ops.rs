//! Steps that the layers, the head and the readout share.

use vitrine_gpu::{Buffer, Gpu, Recording};
use vitrine_kernels::{
    Dtype, InputNorm, LayerNorm, Matmul, Operands, PackedPart, Results, RmsNorm, Then, XBinding,
    stride,
};

use crate::tuning::MatmulKind;
use crate::weights::{Matrix, NormWeights};
use crate::{Config, ModelError, Tuning};

/// Where steps are added, and what all of them depend on.
pub struct Ops<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// Width and epsilon of norms.
    pub config: &'a Config,
    /// How matrices are best multiplied here.
    pub tuning: &'a Tuning,
    /// Number format of activations.
    pub dtype: Dtype,
    /// The most rows there will be: shapes are chosen for them.
    pub rows: u32,
    /// Where the steps go.
    pub recording: &'a mut Recording,
}

impl Ops<'_> {
    /// y = norm(x), row by row; with `last_row` only of the row that `step` ends with. A copy of x
    /// goes to `kept`.
    pub fn norm(
        &mut self,
        weights: &NormWeights,
        x: &Buffer,
        y: &Buffer,
        step: &Buffer,
        last_row: bool,
        kept: Option<&Buffer>,
    ) -> Result<(), ModelError> {
        let (n, eps, dtype) = (self.config.hidden_size, self.config.norm_eps, self.dtype);
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

    /// y (+)= W x + b for all parts of W.
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
            then: Then::Store,
            accumulate,
            to: Results::Y(y),
            y_dtype,
            y_stride: matrix.rows,
        })
    }

    /// A projection with what is done on its way.
    pub fn project(&mut self, projection: &Projection<'_>) -> Result<(), ModelError> {
        let Projection {
            matrix,
            bias,
            x,
            norm,
            to,
            ..
        } = *projection;
        for part in &matrix.parts {
            let operands = Operands {
                x,
                bias,
                norm: norm.map(|(weights, kept)| (&weights.weight.buffer, kept)),
                to,
            };
            let matmul = self.describe(projection, part);
            let dispatch = matmul.dispatch_with(self.gpu, part, operands)?;
            self.recording.dispatch(dispatch);
        }
        Ok(())
    }

    /// Whether this can be one kernel: there is one part, which knows its tokens, and the adapter can
    /// bind all its buffers, also those of somebody who watches.
    pub fn fits_one_kernel(&self, projection: &Projection<'_>) -> bool {
        let [part] = &projection.matrix.parts[..] else {
            return false;
        };
        let mut matmul = self.describe(projection, part);
        if let Then::Append(append) = &mut matmul.then {
            append.keep = true;
            if matches!(matmul.shape.x, XBinding::UniformBlocks(_)) {
                return false;
            }
        }
        if let Some(norm) = &mut matmul.norm {
            norm.keep = true;
        }
        matmul.storage_buffers() <= self.gpu.caps().max_storage_buffers
    }

    fn describe(&self, projection: &Projection<'_>, part: &PackedPart) -> Matmul {
        let PackedPart {
            format,
            k,
            row_start,
            rows,
            ..
        } = *part;
        let kind = MatmulKind {
            name: self.recording.place().name,
            format,
            rows,
            k,
            tokens: self.rows,
            dtype: self.dtype,
        };
        let shape = self.tuning.shape(self.gpu, &kind);
        Matmul {
            format,
            rows,
            k,
            x_stride: stride(k),
            y_stride: projection.y_stride,
            row_start,
            accumulate: projection.accumulate,
            bias: projection.bias.is_some(),
            x_dtype: self.dtype,
            y_dtype: projection.y_dtype,
            shape: match projection.then {
                Then::Store => shape,
                Then::Act { .. } | Then::Append(_) => shape.of_pairs(),
            },
            norm: projection.norm.map(|(_, kept)| InputNorm {
                n: self.config.hidden_size,
                eps: self.config.norm_eps,
                keep: kept.is_some(),
            }),
            then: projection.then,
        }
    }
}

/// The RMSNorm that the x of a projection passes, and where a copy of x goes.
pub type NormOnTheWay<'a> = (&'a NormWeights, Option<&'a Buffer>);

/// A projection and what stands beside it.
#[derive(Clone, Copy)]
pub struct Projection<'a> {
    /// W.
    pub matrix: &'a Matrix,
    /// b.
    pub bias: Option<&'a Buffer>,
    /// x.
    pub x: &'a Buffer,
    /// The norm that x passes.
    pub norm: Option<NormOnTheWay<'a>>,
    /// What becomes of the sums.
    pub then: Then,
    /// Add to y.
    pub accumulate: bool,
    /// Where the results go.
    pub to: Results<'a>,
    /// Number format of the results.
    pub y_dtype: Dtype,
    /// Numbers from one token's results to the next.
    pub y_stride: u32,
}

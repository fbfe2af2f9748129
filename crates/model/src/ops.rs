//! Steps that the layers, the head and the readout share.

use vitrine_gpu::{Buffer, Gpu, Recording};
use vitrine_kernels::{Dtype, LayerNorm, Matmul, PackedPart, RmsNorm, Shape, stride};

use crate::weights::{Matrix, NormWeights};
use crate::{Config, ModelError};

/// Where steps are added, and what all of them depend on.
pub struct Ops<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// Width and epsilon of norms.
    pub config: &'a Config,
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
        for part in &matrix.parts {
            let PackedPart {
                format,
                k,
                row_start,
                rows,
                ..
            } = *part;
            let matmul = Matmul {
                format,
                rows,
                k,
                x_stride: stride(k),
                y_stride: matrix.rows,
                row_start,
                accumulate,
                bias: bias.is_some(),
                x_dtype: self.dtype,
                y_dtype,
                shape: Shape::choose(self.gpu, k, self.rows),
            };
            self.recording
                .dispatch(matmul.dispatch(self.gpu, part, x, y, bias)?);
        }
        Ok(())
    }
}

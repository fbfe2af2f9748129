use vitrine_checkpoint::source::ByteSource;
use vitrine_gpu::{Buffer, Usage};

use super::matrix::{Matrix, Piece};
use super::upload::{PendingUpload, Values};
use super::{Vector, WeightAllocator};
use crate::ModelError;

/// y = W x + b.
pub struct Linear {
    /// W.
    pub matrix: Matrix,
    /// b, one f32 per (padded) row of W.
    pub bias: Option<Vector>,
}

impl Linear {
    /// Bytes on the GPU.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.matrix.bytes() + self.bias.as_ref().map_or(0, Vector::bytes)
    }

    /// The bias as a binding.
    #[must_use]
    pub fn bias_buffer(&self) -> Option<&Buffer> {
        self.bias.as_ref().map(|bias| &bias.buffer)
    }
}

impl<S: ByteSource> WeightAllocator<'_, '_, S> {
    /// Allocates the tensors `{name}.weight` of `pieces`, stacked, and their biases.
    pub(super) fn linear(
        &mut self,
        label: &str,
        pieces: &[Piece],
        k: u32,
        has_bias: bool,
    ) -> Result<Linear, ModelError> {
        let quantize = self.quantization.projections;
        let matrix = self.matrix(label, pieces, k, quantize)?;
        let bias = match has_bias {
            true => Some(self.bias(label, pieces, &matrix)?),
            false => None,
        };
        Ok(Linear { matrix, bias })
    }

    fn bias(
        &mut self,
        label: &str,
        pieces: &[Piece],
        matrix: &Matrix,
    ) -> Result<Vector, ModelError> {
        let bytes = u64::from(matrix.rows) * 4;
        let label = format!("{label}.bias");
        let buffer = self.gpu.buffer(&label, bytes, Usage::Input)?;
        for (piece, start) in pieces.iter().zip(&matrix.starts) {
            let name = format!("{}.bias", piece.name);
            let tensor = self.origin.tensor(&name, &[u64::from(piece.of)])?;
            self.fills.push(PendingUpload::Values(Values {
                buffer: buffer.clone(),
                tensor,
                rows: piece.clone(),
                to: *start,
                otherwise: 0.0,
                offset: 0.0,
            }));
        }
        Ok(Vector { buffer })
    }
}

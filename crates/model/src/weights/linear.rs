use vitrine_gpu::{Buffer, Usage};

use super::matrix::{Matrix, Piece};
use super::{Loader, Vector};
use crate::ModelError;
use crate::source::ByteSource;

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

impl<S: ByteSource> Loader<'_, S> {
    /// Loads the tensors `{name}.weight` of `pieces` below one another, and their biases.
    pub(super) async fn linear(
        &mut self,
        label: &str,
        pieces: &[Piece],
        k: u32,
        has_bias: bool,
    ) -> Result<Linear, ModelError> {
        let quantize = self.quantization.projections;
        let matrix = self.matrix(label, pieces, k, quantize).await?;
        let bias = if has_bias {
            Some(self.bias(label, pieces, &matrix).await?)
        } else {
            None
        };
        Ok(Linear { matrix, bias })
    }

    async fn bias(
        &mut self,
        label: &str,
        pieces: &[Piece],
        matrix: &Matrix,
    ) -> Result<Vector, ModelError> {
        let mut values = vec![0.0; matrix.rows as usize];
        for (piece, start) in pieces.iter().zip(&matrix.starts) {
            let all = self
                .values(&format!("{}.bias", piece.name), piece.of)
                .await?;
            for row in 0..piece.rows {
                let stored = piece.first + piece.order.stored(row);
                values[(start + row) as usize] = all[stored as usize];
            }
        }
        let bytes: &[u8] = bytemuck::cast_slice(&values);
        let buffer = self
            .gpu
            .buffer(&format!("{label}.bias"), bytes.len() as u64, Usage::Input)?;
        self.gpu.write(&buffer, 0, bytes);
        self.wrote(bytes.len() as u64).await?;
        Ok(Vector { buffer })
    }
}

use vitrine_checkpoint::TensorInfo;
use vitrine_gpu::Buffer;

use super::matrix::Matrix;
use super::piece::Piece;
use crate::Storage;

/// A pending upload.
pub enum PendingUpload<'a, S> {
    /// Rows of a matrix.
    Rows(Rows<'a, S>),
    /// A vector, or a part of one.
    Values(Values<'a, S>),
}

impl<S> PendingUpload<'_, S> {
    /// File and offset of its tensor; `None` without one.
    pub fn place(&self) -> Option<(usize, u64)> {
        let tensor = match self {
            Self::Rows(rows) => &rows.tensor,
            Self::Values(values) => &values.tensor,
        };
        tensor.as_ref().map(|(_, info)| (info.file, info.offset))
    }
}

/// The pending upload of some values of a vector.
pub struct Values<'a, S> {
    pub buffer: Buffer,
    pub tensor: Option<(&'a S, TensorInfo)>,
    /// The range of the tensor, and its order in the file.
    pub rows: Piece,
    /// Index of the first value in the buffer.
    pub to: u32,
    /// The value without a tensor.
    pub otherwise: f32,
    /// Added to each value.
    pub offset: f32,
}

/// The pending upload of some rows of a matrix.
pub struct Rows<'a, S> {
    pub matrix: Matrix,
    pub piece: Piece,
    pub tensor: Option<(&'a S, TensorInfo)>,
    pub storage: Storage,
    /// The piece's first row in the matrix.
    pub start: u32,
    /// Whether the file stores the tensor as (in, out).
    pub is_transposed: bool,
}

use vitrine_checkpoint::CheckpointError;

use crate::ModelError;

/// A row range of a tensor, as part of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The tensor's name, without `.weight`.
    pub name: String,
    /// First row of the range.
    pub first: u32,
    /// Rows of the range.
    pub rows: u32,
    /// Rows of the whole tensor.
    pub of: u32,
    /// The order of the rows in the file.
    pub order: RowOrder,
}

impl Piece {
    /// All rows of a tensor.
    pub fn whole(name: &str, rows: u32) -> Self {
        Self {
            name: name.to_owned(),
            first: 0,
            rows,
            of: rows,
            order: RowOrder::AsStored,
        }
    }

    /// Pieces of these sizes: one tensor each, or all stacked in one tensor.
    pub fn split(names: &[String], sizes: &[u32]) -> Result<Vec<Self>, ModelError> {
        let of = sizes.iter().sum();
        match names {
            [fused] => {
                let mut first = 0;
                let piece = |rows: &u32| {
                    let piece = Self {
                        first,
                        rows: *rows,
                        of,
                        ..Self::whole(fused, 0)
                    };
                    first += rows;
                    piece
                };
                Ok(sizes.iter().map(piece).collect())
            }
            names if names.len() == sizes.len() => {
                let one = |(name, rows): (&String, &u32)| Self::whole(name, *rows);
                Ok(names.iter().zip(sizes).map(one).collect())
            }
            _ => {
                Err(CheckpointError::Unsupported("another layout of projections".to_owned()).into())
            }
        }
    }
}

/// The order of a tensor's rows in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// The order of transformers.
    AsStored,
    /// Rows i and i + head_dim / 2 of each head are adjacent, as llama.cpp's converter stores q and k of
    /// the `llama` architecture.
    InterleavedHeads {
        /// Rows per head.
        head_dim: u32,
    },
}

impl RowOrder {
    /// The index in the file of row `row`.
    pub fn stored(self, row: u32) -> u32 {
        match self {
            Self::AsStored => row,
            Self::InterleavedHeads { head_dim } => {
                let (head, i) = (row / head_dim, row % head_dim);
                let half = head_dim / 2;
                head * head_dim + (i % half) * 2 + i / half
            }
        }
    }

    /// Rows must be read in multiples of this.
    pub fn granule(self) -> u32 {
        match self {
            Self::AsStored => 1,
            Self::InterleavedHeads { head_dim } => head_dim,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_heads_are_a_permutation_of_each_head() {
        let order = RowOrder::InterleavedHeads { head_dim: 6 };
        let stored: Vec<u32> = (6..12).map(|row| order.stored(row)).collect();
        assert_eq!(stored, [6, 8, 10, 7, 9, 11]);
    }
}

use serde::{Deserialize, Serialize};

use crate::Answer;

/// Header of a tensor that is sent as a separate buffer: little-endian, last dimension contiguous.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorHeader {
    /// Its name, as in `vitrine trace`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u32>,
    /// Its data type.
    pub dtype: TensorType,
}

/// The data type of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TensorType {
    /// 32-bit floats.
    F32,
    /// Bytes; 255 represents 1.
    U8,
}

/// A tensor with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The tap's name, as in `vitrine trace`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u32>,
    /// Its values; the last dimension is contiguous.
    pub data: TensorData,
}

/// The values of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// Bytes: values from 0 to 1 in steps of 1 / 255.
    U8(Vec<u8>),
}

impl Tensor {
    /// Its header, as part of the answer.
    #[must_use]
    pub fn header(&self) -> TensorHeader {
        TensorHeader {
            name: self.name.clone(),
            shape: self.shape.clone(),
            dtype: match self.data {
                TensorData::F32(_) => TensorType::F32,
                TensorData::U8(_) => TensorType::U8,
            },
        }
    }

    /// The values if they are floats, else empty.
    #[must_use]
    pub fn floats(&self) -> &[f32] {
        match &self.data {
            TensorData::F32(values) => values,
            TensorData::U8(_) => &[],
        }
    }

    /// The values if they are bytes, else empty.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.data {
            TensorData::U8(values) => values,
            TensorData::F32(_) => &[],
        }
    }
}

/// An answer and its tensors, in the order of its headers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// Data that is too large for JSON.
    pub tensors: Vec<Tensor>,
}

impl From<Answer> for Answered {
    fn from(answer: Answer) -> Self {
        let tensors = Vec::new();
        Self { answer, tensors }
    }
}

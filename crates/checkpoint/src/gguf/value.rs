use super::reader::{Reader, Stop};
use crate::CheckpointError;

/// A metadata value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// Any float.
    Float(f64),
    /// A Boolean.
    Bool(bool),
    /// Text.
    String(String),
    /// Text that is not UTF-8.
    Bytes(Vec<u8>),
    /// A list of values of one type.
    Array(Vec<Value>),
}

const STRING: u32 = 8;
const ARRAY: u32 = 9;

impl Value {
    pub(super) fn read(reader: &mut Reader<'_>, kind: u32) -> Result<Self, Stop> {
        if kind != ARRAY {
            return Self::scalar(reader, kind);
        }
        let kind = reader.u32()?;
        let count = reader.u64()?;
        if kind == ARRAY {
            return Err(CheckpointError::Damaged("it has an array of arrays".to_owned()).into());
        }
        reader.expect(count, if kind == STRING { 8 } else { 1 })?;
        let mut values = Vec::with_capacity(count as usize);
        for _ in 0..count {
            values.push(Self::scalar(reader, kind)?);
        }
        Ok(Self::Array(values))
    }

    fn scalar(reader: &mut Reader<'_>, kind: u32) -> Result<Self, Stop> {
        Ok(match kind {
            0 => Self::Unsigned(reader.array().map(u8::from_le_bytes)?.into()),
            1 => Self::Signed(reader.array().map(i8::from_le_bytes)?.into()),
            2 => Self::Unsigned(reader.array().map(u16::from_le_bytes)?.into()),
            3 => Self::Signed(reader.array().map(i16::from_le_bytes)?.into()),
            4 => Self::Unsigned(reader.u32()?.into()),
            5 => Self::Signed(reader.array().map(i32::from_le_bytes)?.into()),
            6 => Self::Float(reader.array().map(f32::from_le_bytes)?.into()),
            7 => Self::Bool(reader.array().map(u8::from_le_bytes)? != 0),
            STRING => match String::from_utf8(reader.string()?.to_vec()) {
                Ok(text) => Self::String(text),
                Err(error) => Self::Bytes(error.into_bytes()),
            },
            10 => Self::Unsigned(reader.u64()?),
            11 => Self::Signed(reader.array().map(i64::from_le_bytes)?),
            12 => Self::Float(reader.array().map(f64::from_le_bytes)?),
            _ => {
                let reason = format!("it has a metadata value of unknown type {kind}");
                return Err(CheckpointError::Damaged(reason).into());
            }
        })
    }

    /// As an unsigned integer, if it is an integer that is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Unsigned(value) => Some(*value),
            Self::Signed(value) => (*value).try_into().ok(),
            _ => None,
        }
    }

    /// As a signed integer, if it is an integer that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Unsigned(value) => (*value).try_into().ok(),
            Self::Signed(value) => Some(*value),
            _ => None,
        }
    }

    /// As a float, if it is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// As a Boolean, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// As text, if it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// As text, with U+FFFD in place of bytes that are no characters; `None` if it is no text.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::String(value) => Some(value.clone()),
            Self::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    /// As a list, if it is one.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }
}

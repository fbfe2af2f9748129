//! The header of a GGUF file: metadata and the list of tensors.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. Files are untrusted, so
//! every count and offset is checked before use.

mod reader;
mod value;

use std::collections::BTreeMap;

pub use value::Value;

use crate::CheckpointError;
use crate::ggml::GgmlType;
use crate::source::ByteSource;
use crate::tensor::{TensorInfo, check_overlaps};
use reader::{Reader, Stop};

/// Maximum size of a header in bytes. Vocabularies of 256k tokens need about 20 MB.
const MAX_DIRECTORY: u64 = 256 << 20;
/// Limit on the tensors of a file, far above any model's.
const MAX_TENSORS: u64 = 100_000;
/// Limit on the metadata keys of a file, far above any model's.
const MAX_KEYS: u64 = 100_000;

/// The header of a GGUF file.
#[derive(Clone, Debug)]
pub struct Gguf {
    metadata: BTreeMap<String, Value>,
    tensors: BTreeMap<String, TensorInfo>,
}

impl Gguf {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// When it is not a GGUF file, or is truncated or damaged.
    pub async fn read<S: ByteSource>(source: &S) -> Result<Self, CheckpointError> {
        let len = source.len();
        let mut window = len.min(1 << 20);
        loop {
            let prefix = source.read(0..window).await?;
            match Self::parse(&prefix, len) {
                Err(Stop::NeedMore) if window < len && window < MAX_DIRECTORY => {
                    window = len.min(window * 4).min(MAX_DIRECTORY);
                }
                Err(Stop::NeedMore) => {
                    let reason = format!("its header does not end within {window} bytes");
                    return Err(CheckpointError::Damaged(reason));
                }
                Err(Stop::Wrong(error)) => return Err(error),
                Ok(gguf) => return Ok(gguf),
            }
        }
    }

    fn parse(prefix: &[u8], file_len: u64) -> Result<Self, Stop> {
        let mut reader = Reader::new(prefix);
        if reader.bytes(4).map_err(|_| CheckpointError::NotGguf)? != b"GGUF" {
            return Err(CheckpointError::NotGguf.into());
        }
        let version = reader.u32()?;
        if (1..=3).contains(&version.swap_bytes()) {
            return Err(CheckpointError::BigEndian.into());
        }
        if !(2..=3).contains(&version) {
            return Err(CheckpointError::GgufVersion(version).into());
        }
        let n_tensors = reader.u64()?;
        let n_keys = reader.u64()?;
        if n_tensors > MAX_TENSORS || n_keys > MAX_KEYS {
            let reason = format!("it claims {n_tensors} tensors and {n_keys} metadata keys");
            return Err(CheckpointError::Damaged(reason).into());
        }
        let mut metadata = BTreeMap::new();
        for _ in 0..n_keys {
            let key = reader.text()?;
            let kind = reader.u32()?;
            let value = Value::read(&mut reader, kind)?;
            if metadata.insert(key.clone(), value).is_some() {
                return Err(CheckpointError::Damaged(format!("it has the key {key} twice")).into());
            }
        }
        let mut infos = Vec::new();
        for _ in 0..n_tensors {
            infos.push(read_info(&mut reader)?);
        }

        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(value) => value
                .as_u64()
                .filter(|a| a.is_power_of_two())
                .ok_or_else(|| {
                    CheckpointError::Damaged("its alignment is not a power of two".to_owned())
                })?,
        };
        let data = (reader.position() as u64).next_multiple_of(alignment);
        let mut tensors = BTreeMap::new();
        for mut info in infos {
            place(&mut info, data, file_len)?;
            if let Some(twin) = tensors.insert(info.name.clone(), info) {
                let reason = format!("it has the tensor {} twice", twin.name);
                return Err(CheckpointError::Damaged(reason).into());
            }
        }
        check_overlaps(tensors.values())?;
        Ok(Self { metadata, tensors })
    }

    /// Adds the tensors of another part of a split file, which is file number `file`.
    ///
    /// # Errors
    /// When both have a tensor of the same name.
    pub(crate) fn add_part(&mut self, part: Self, file: usize) -> Result<(), CheckpointError> {
        for (name, mut info) in part.tensors {
            info.file = file;
            if self.tensors.insert(name.clone(), info).is_some() {
                let reason = format!("two of its parts have the tensor {name}");
                return Err(CheckpointError::Damaged(reason));
            }
        }
        Ok(())
    }

    /// The number of this part of a split file, from 0, and of all parts; (0, 1) for a whole file.
    pub(crate) fn split(&self) -> (u64, u64) {
        let number = |key: &str| self.get(key).and_then(Value::as_u64);
        let count = number("split.count").unwrap_or(1).max(1);
        (number("split.no").unwrap_or(0), count)
    }

    /// A metadata value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    /// A metadata string.
    #[must_use]
    pub fn string(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// A tensor, by name.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name)
    }

    /// All tensors, in order of name.
    pub fn tensors(&self) -> impl Iterator<Item = &TensorInfo> {
        self.tensors.values()
    }
}

fn read_info(reader: &mut Reader<'_>) -> Result<TensorInfo, Stop> {
    let name = reader.text()?;
    let n_dims = reader.u32()?;
    if n_dims > 4 {
        let reason = format!("the tensor {name} has {n_dims} dimensions");
        return Err(CheckpointError::Damaged(reason).into());
    }
    let mut shape = Vec::new();
    for _ in 0..n_dims {
        shape.push(reader.u64()?);
    }
    shape.reverse();
    let type_id = reader.u32()?;
    let offset = reader.u64()?;
    Ok(TensorInfo {
        name,
        shape,
        kind: GgmlType::from_id(type_id),
        type_name: GgmlType::name_of(type_id),
        file: 0,
        offset,
        bytes: 0,
    })
}

/// Turns the offset within the data section into one within the file, and checks start and end.
fn place(info: &mut TensorInfo, data: u64, file_len: u64) -> Result<(), CheckpointError> {
    let offset = data.checked_add(info.offset);
    info.offset = offset.ok_or_else(|| info.wrong("lies beyond the end of any file"))?;
    info.measure()?;
    info.check_end(file_len)
}

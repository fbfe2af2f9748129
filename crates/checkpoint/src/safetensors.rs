//! The header of a safetensors file, and the index of a sharded model.
//!
//! Format: <https://github.com/huggingface/safetensors#format>. The crate of that name needs the
//! whole file in memory; this module reads ranges, and checks every count and offset before use.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::CheckpointError;
use crate::ggml::GgmlType;
use crate::source::ByteSource;
use crate::tensor::{TensorInfo, check_overlaps};

/// Maximum size of a header in bytes; the reference implementation's limit.
const MAX_DIRECTORY: u64 = 100_000_000;
/// Limit on the tensors of a file, far above any model's.
const MAX_TENSORS: usize = 100_000;

/// One entry of the header.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// All entries in the file's order. A list rather than a map, so that duplicate names are detected.
struct Directory(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Directory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Directory;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Directory, A::Error> {
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    if entries.len() >= MAX_TENSORS {
                        return Err(serde::de::Error::custom("it lists too many tensors"));
                    }
                    entries.push((name, map.next_value()?));
                }
                Ok(Directory(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Reads the header of file number `file` of a checkpoint, called `file_name`.
///
/// # Errors
/// When the file is truncated, or its header is malformed.
pub async fn read<S: ByteSource>(
    source: &S,
    file: usize,
    file_name: &str,
) -> Result<Vec<TensorInfo>, CheckpointError> {
    let damaged = |what: String| CheckpointError::Damaged(format!("{file_name}: {what}"));
    let file_len = source.len();
    let prefix = source.read(0..8).await?;
    let length = match <[u8; 8]>::try_from(&*prefix) {
        Ok(bytes) => u64::from_le_bytes(bytes),
        Err(_) => return Err(damaged("it is too short".to_owned())),
    };
    if length > MAX_DIRECTORY {
        return Err(damaged(format!(
            "it claims a header of {length} bytes, but the limit is {MAX_DIRECTORY}"
        )));
    }
    let data = 8 + length;
    let text = source.read(8..data).await?;
    let wrong = |error: &dyn fmt::Display| {
        damaged(format!(
            "its header is not a valid list of tensors ({error})"
        ))
    };
    let text = str::from_utf8(&text).map_err(|error| wrong(&error))?;
    let Directory(entries) = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    let mut tensors = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        tensors.push(place(name, entry, file, data, file_len)?);
    }
    check_overlaps(tensors.iter())?;
    Ok(tensors)
}

fn place(
    name: String,
    entry: Entry,
    file: usize,
    data: u64,
    file_len: u64,
) -> Result<TensorInfo, CheckpointError> {
    let kind = match entry.dtype.as_str() {
        "F32" => GgmlType::from_id(0),
        "F16" => GgmlType::from_id(1),
        "BF16" => GgmlType::from_id(30),
        _ => None,
    };
    let [start, end] = entry.data_offsets;
    let mut info = TensorInfo {
        name,
        shape: entry.shape,
        kind,
        type_name: entry.dtype,
        file,
        offset: start,
        bytes: 0,
    };
    if info.shape.len() > 8 {
        return Err(info.wrong("has more than 8 dimensions"));
    }
    let length = end
        .checked_sub(start)
        .ok_or_else(|| info.wrong("ends before it begins"))?;
    info.measure()?;
    if kind.is_some() && info.bytes != length {
        return Err(info.wrong("has a length that does not fit its shape and type"));
    }
    info.bytes = length;
    let offset = data.checked_add(start);
    info.offset = offset.ok_or_else(|| info.wrong("lies beyond the end of any file"))?;
    info.check_end(file_len)?;
    Ok(info)
}

/// `model.safetensors.index.json`: which file holds which tensor.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Reads the index of a sharded model: the file of each tensor.
///
/// # Errors
/// When it is not such an index.
pub fn read_index(text: &[u8]) -> Result<BTreeMap<String, String>, CheckpointError> {
    let wrong = |error: &dyn fmt::Display| {
        let what = format!("model.safetensors.index.json is not an index ({error})");
        CheckpointError::Damaged(what)
    };
    let text = str::from_utf8(text).map_err(|error| wrong(&error))?;
    let index: Index = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    Ok(index.weight_map)
}

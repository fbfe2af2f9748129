use serde::{Deserialize, Serialize};

/// How much of a model file is in storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// SHA-256 of the whole file, in hexadecimal; tells a changed model from the one begun.
    pub sha256: String,
    /// Length of the whole file.
    pub bytes: u64,
    /// Bytes that are safely on disk, always at the end of a part.
    pub done: u64,
    /// Whether all bytes came and their checksum is right.
    pub verified: bool,
}

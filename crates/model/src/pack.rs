//! The conversion of rows on disk to packed rows of a weight format.

mod ggml;
mod quantize;
mod storage;

pub use storage::Storage;

//! One Rust file per WGSL kernel, and one CPU twin per kernel.

//! What exists for software adapters (lavapipe, SwiftShader) alone: `shaders/software/`.

pub(crate) mod attention;
pub(crate) mod cache;
mod matmul;
mod tiling;

pub(crate) use matmul::{has_whole_texels, matmul};
pub use tiling::{MatmulTiling, SHARED_LANES, XBinding};

//! The CPU twins: the same arithmetic as the kernel of the same name, in plain f32 Rust.
//!
//! They take dense rows without padding and know nothing of tiles, lanes or buffers, so that a
//! mistake in the layout of the GPU side cannot hide in both.

mod argmax;
mod attention;
mod embed;
mod matmul;
mod rms_norm;
mod rope_kv_append;
mod silu_mul;
mod top_k;

pub use argmax::argmax;
pub use attention::attention;
pub use embed::embed;
pub use matmul::matmul;
pub use rms_norm::rms_norm;
pub use rope_kv_append::rotate;
pub use silu_mul::silu_mul;
pub use top_k::top_k;

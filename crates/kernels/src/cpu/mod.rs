//! The CPU twins: the same arithmetic as the kernel of the same name, in plain f32 Rust.
//!
//! They take dense rows without padding and know nothing of tiles, lanes or buffers, so that a
//! mistake in the layout of the GPU side cannot hide in both. The exception is `unpack_row`, which
//! is the twin of the layout itself.

mod adjust;
mod argmax;
mod attention;
mod attention_probs;
mod count;
mod embed;
mod format;
mod kv_cache;
mod layer_norm;
mod logit_stats;
mod matmul;
mod mlp_act;
mod patch;
mod quantize_x;
mod rank;
mod rms_norm;
mod rope_kv_append;
mod row_norms;
mod sample;
mod soft_cap;
mod strongest;
mod top_k;

pub use adjust::adjust;
pub use argmax::argmax;
pub use attention::attention;
pub use attention_probs::attention_probs;
pub use count::count;
pub use embed::embed;
pub use format::unpack_row;
pub use kv_cache::{dequantize_head, quantize_head};
pub use layer_norm::layer_norm;
pub use logit_stats::logit_stats;
pub use matmul::matmul;
pub use mlp_act::mlp_act;
pub use patch::patch;
pub use quantize_x::{ByteBlock, quantize_x};
pub use rank::rank;
pub use rms_norm::rms_norm;
pub use rope_kv_append::rotate;
pub use row_norms::row_norms;
pub use sample::sample;
pub use soft_cap::soft_cap;
pub use strongest::strongest;
pub use top_k::top_k;

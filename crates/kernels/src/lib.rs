//! One Rust file per WGSL kernel, and one CPU twin per kernel.
//!
//! `shaders/rms_norm.wgsl` is what the GPU runs, `src/rms_norm.rs` binds and dispatches it, and
//! `src/cpu/rms_norm.rs` is the same arithmetic in plain Rust, which the tests compare with.
//!
//! Activations are f32 or f16 ([`Dtype`]), one row per token. Rows are padded to a multiple of
//! [`packed::BLOCK`] numbers, and the padding is zero.

mod adjust;
mod argmax;
mod attention;
mod attention_probs;
mod cache_layout;
mod count;
pub mod cpu;
mod dtype;
mod embed;
mod format;
mod layer_norm;
mod logit_stats;
mod matmul;
mod mlp_act;
pub mod packed;
mod patch;
mod permutations;
mod qk_norm;
mod quantize_x;
mod rank;
mod rms_norm;
mod rope_kv_append;
mod row_norms;
mod sample;
mod soft_cap;
pub mod software;
mod step;
mod strongest;
mod top_k;

pub use adjust::Adjust;
pub use argmax::{Argmax, Bests, Chosen};
pub use attention::{Attention, AttentionForm, AttentionShape, HeadStats, Queries};
pub use attention_probs::AttentionProbs;
pub use cache_layout::CacheLayout;
pub use count::Count;
pub use dtype::{Dtype, XFormat};
pub use embed::{Embed, Table};
pub use format::{Format, Quants, SUPER_BLOCKS, Scales};
pub use layer_norm::LayerNorm;
pub use logit_stats::{LOGIT_BIN, LOGIT_BINS, LogitStats, LogitStatsOf};
pub use matmul::{Epilogue, InputNorm, Matmul, Operands, Results, Tiling, matmul_revision};
pub use mlp_act::MlpAct;
pub use packed::PackedPart;
pub use patch::Patch;
pub use permutations::{permutations, subgroup_permutations};
pub use qk_norm::QkNorm;
pub use quantize_x::{QuantizeX, packed_bytes};
pub use rank::{Rank, Ranked};
pub use rms_norm::RmsNorm;
pub use rope_kv_append::{AppendBuffers, RopeKvAppend};
pub use row_norms::RowNorms;
pub use sample::{DrawnBits, Sample, SampleBuffers, SampleParams};
pub use soft_cap::SoftCap;
pub use step::{MAX_ROWS, PAGE, Row, Step};
pub use strongest::Strongest;
pub use top_k::{TOP_K, TopK};

/// Floats of a row of `n` values in memory, padded to whole blocks.
#[must_use]
pub fn stride(n: u32) -> u32 {
    n.next_multiple_of(packed::BLOCK)
}

/// The fragments that templates can `#import`: those of `shaders/common/` by name, others by path.
const FRAGMENTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/fragments.rs"));

/// A fragment by name. A wrong name gives an empty text; the tests assemble every permutation.
fn fragment(name: &str) -> &'static str {
    let found = FRAGMENTS.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, text)| text)
}

/// The operation of a kernel, by the kernel's name: `matmul` and `attention` have several kernels each.
#[must_use]
pub fn operation(kernel: &str) -> &str {
    match kernel {
        "matmul/vec" | "matmul/tile" | "software/matmul" => "matmul",
        "attention/prompt" | "attention/token" => "attention",
        "software/attention" => "attention",
        "rope_kv_append/pairs" | "rope_kv_append/bytes" | "software/rope_kv_append" => {
            "rope_kv_append"
        }
        other => other,
    }
}

/// The template of a kernel by path.
macro_rules! template {
    ($name:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/", $name, ".wgsl"))
    };
}
use template;

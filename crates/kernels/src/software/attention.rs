//! `shaders/software/attention.wgsl`, over a cache that is a texture.

use vitrine_gpu::ShaderSource;
use vitrine_gpu::shader::SUBGROUPS;

use crate::attention::divisor_at_most;
use crate::{Attention, template};

/// The most quads that an invocation keeps for the heads that share its loads; more would not stay in registers.
const MOST_SHARED_QUADS: u32 = 16;

/// Query heads of a workgroup of `attention` with subgroups of so many invocations.
pub(crate) fn texels_share(attention: &Attention, lanes: u32) -> u32 {
    let most = MOST_SHARED_QUADS * lanes / attention.cache.quads();
    divisor_at_most(attention.group(), most)
}

/// `attention` for subgroups of so many invocations.
pub(crate) fn texels_source(attention: &Attention, lanes: u32) -> ShaderSource {
    let quads = attention.cache.quads();
    let texels = attention.cache.head_words() / 4;
    let constants = [
        ("QUERY_ROUNDS", quads.div_ceil(lanes).into()),
        ("ROUNDS", texels.div_ceil(lanes).into()),
    ];
    let template = template!("software/attention");
    let mut source = attention.source_of("software/attention", template, lanes, &constants);
    source.flags.push(SUBGROUPS);
    source
}

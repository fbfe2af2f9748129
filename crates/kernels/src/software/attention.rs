//! `shaders/software/attention.wgsl`, over a cache in a texture.

use vitrine_gpu::ShaderSource;
use vitrine_gpu::shader::SUBGROUPS;

use crate::attention::divisor_at_most;
use crate::{Attention, template};

/// Maximum quads that an invocation accumulates for the heads that share its loads; more are spilled.
const MOST_SHARED_QUADS: u32 = 16;

/// Query heads of a workgroup, with subgroups of this many invocations.
pub(crate) fn texels_share(attention: &Attention, lanes: u32) -> u32 {
    let most = MOST_SHARED_QUADS * lanes / attention.cache.quads();
    divisor_at_most(attention.group(), most)
}

/// Attention for subgroups of this many invocations.
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

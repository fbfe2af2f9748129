use vitrine_gpu::Recording;
use vitrine_kernels::{AttentionShape, Queries};

use super::{Builder, PlanInputs};
use crate::ModelError;

/// The embedding and the layers for one token.
#[derive(Default)]
pub struct DecodePlan {
    anywhere: Recording,
    /// A bit-identical recording with one kernel fewer in each layer, for positions whose keys fit into one KV
    /// split, and the number of these positions.
    short: Option<(Recording, u32)>,
}

impl DecodePlan {
    /// Records both plans with a new builder for each.
    pub(super) fn new<'a>(
        basis: PlanInputs<'a>,
        builder: impl Fn() -> Builder<'a>,
    ) -> Result<Self, ModelError> {
        let PlanInputs {
            gpu,
            config,
            weights,
            ..
        } = basis;
        let anywhere = builder().body(weights)?.recording;
        let kv_heads = config.num_key_value_heads;
        let short = if AttentionShape::splits(gpu, kv_heads, Queries::Any) > 1 {
            let short = Builder {
                short: true,
                ..builder()
            };
            let positions = AttentionShape::least_keys(gpu, kv_heads);
            Some((short.body(weights)?.recording, positions))
        } else {
            None
        };
        Ok(Self { anywhere, short })
    }

    /// All recordings.
    pub fn recordings(&self) -> impl Iterator<Item = &Recording> {
        let short = self.short.as_ref().map(|(short, _)| short);
        std::iter::once(&self.anywhere).chain(short)
    }

    /// The recording for the token at `position`.
    pub fn at(&self, position: u32) -> &Recording {
        match &self.short {
            Some((short, positions)) if position < *positions => short,
            _ => &self.anywhere,
        }
    }
}

use vitrine_gpu::Recording;
use vitrine_kernels::{AttentionShape, Queries};

use super::{Basis, Builder};
use crate::ModelError;

/// The embedding and the layers for one token.
#[derive(Default)]
pub struct OneToken {
    anywhere: Recording,
    /// The same to the bit with a kernel less in each layer, for positions that see one stretch of keys; and how
    /// many these are.
    near: Option<(Recording, u32)>,
}

impl OneToken {
    /// What `builder` makes of it.
    pub(super) fn new<'a>(
        basis: Basis<'a>,
        builder: impl Fn() -> Builder<'a>,
    ) -> Result<Self, ModelError> {
        let Basis {
            gpu,
            config,
            weights,
            ..
        } = basis;
        let anywhere = builder().body(weights)?.recording;
        let kv_heads = config.num_key_value_heads;
        let near = if AttentionShape::splits(gpu, kv_heads, Queries::Any) > 1 {
            let near = Builder {
                near: true,
                ..builder()
            };
            let positions = AttentionShape::stretch(gpu, kv_heads);
            Some((near.body(weights)?.recording, positions))
        } else {
            None
        };
        Ok(Self { anywhere, near })
    }

    /// All of them.
    pub fn recordings(&self) -> impl Iterator<Item = &Recording> {
        let near = self.near.as_ref().map(|(near, _)| near);
        std::iter::once(&self.anywhere).chain(near)
    }

    /// What runs for the token at `position`.
    pub fn at(&self, position: u32) -> &Recording {
        match &self.near {
            Some((near, positions)) if position < *positions => near,
            _ => &self.anywhere,
        }
    }
}

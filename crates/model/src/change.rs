//! Changes to a running model: the numeric form of interventions.

use vitrine_checkpoint::Config;

use crate::ModelError;

/// A change that applies to every pass until it is removed. Layers and heads count from 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Replaces a head's output, the input of `o_proj`, by factor · output + offset.
    Head {
        /// The layer.
        layer: u32,
        /// The query head.
        head: u32,
        /// 0 ablates the head.
        factor: f32,
        /// (head_dim), or empty for no offset.
        offset: Vec<f32>,
    },
    /// Attention adds nothing to the residual stream. Keys and values are still written to the
    /// cache, so that attention can be switched on again.
    SkipAttention {
        /// The layer.
        layer: u32,
    },
    /// The MLP adds nothing to the residual stream.
    SkipMlp {
        /// The layer.
        layer: u32,
    },
    /// Adds a vector to the residual stream before a layer, at every position.
    Steer {
        /// The layer.
        layer: u32,
        /// (hidden_size).
        vector: Vec<f32>,
    },
    /// Replaces values at chosen positions.
    Patch {
        /// Where in the layer.
        site: PatchSite,
        /// The layer.
        layer: u32,
        /// The positions.
        positions: Vec<u32>,
        /// (positions, width of the site).
        values: Vec<f32>,
    },
}

/// The activation that a patch replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchSite {
    /// The residual stream before the layer, (hidden_size).
    Residual,
    /// A head's output, the input of `o_proj`, (head_dim).
    Head(u32),
    /// The output of the MLP, (hidden_size).
    MlpOut,
}

impl PatchSite {
    /// Values per position.
    #[must_use]
    pub fn width(self, config: &Config) -> u32 {
        match self {
            Self::Residual | Self::MlpOut => config.hidden_size,
            Self::Head(_) => config.head_dim,
        }
    }
}

impl Change {
    /// The layer that it changes.
    #[must_use]
    pub fn layer(&self) -> u32 {
        match self {
            Self::Head { layer, .. }
            | Self::SkipAttention { layer }
            | Self::SkipMlp { layer }
            | Self::Steer { layer, .. }
            | Self::Patch { layer, .. } => *layer,
        }
    }

    /// Checks the change against the model.
    ///
    /// # Errors
    /// When the model has no such layer or head, the number of values is wrong, or a value is not finite.
    pub fn check(&self, config: &Config) -> Result<(), ModelError> {
        let layers = config.num_hidden_layers();
        if self.layer() >= layers {
            return Err(ModelError::NoSuchLayer {
                layer: self.layer(),
                last: layers - 1,
            });
        }
        let heads = config.num_attention_heads;
        let head = match self {
            Self::Head { head, .. } => Some(*head),
            Self::Patch {
                site: PatchSite::Head(head),
                ..
            } => Some(*head),
            _ => None,
        };
        if let Some(head) = head.filter(|head| *head >= heads) {
            let last = heads - 1;
            return Err(ModelError::NoSuchHead { head, last });
        }
        let (found, wanted) = match self {
            Self::Head { offset, .. } if offset.is_empty() => (0, 0),
            Self::Head { offset, .. } => (offset.len(), config.head_dim as usize),
            Self::Steer { vector, .. } => (vector.len(), config.hidden_size as usize),
            Self::Patch {
                site,
                positions,
                values,
                ..
            } => (values.len(), positions.len() * site.width(config) as usize),
            Self::SkipAttention { .. } | Self::SkipMlp { .. } => (0, 0),
        };
        if found != wanted {
            return Err(ModelError::ChangeSize { found, wanted });
        }
        let numbers: &[f32] = match self {
            Self::Head { offset, .. } => offset,
            Self::Steer { vector, .. } => vector,
            Self::Patch { values, .. } => values,
            _ => &[],
        };
        let factor = match self {
            Self::Head { factor, .. } => *factor,
            _ => 1.0,
        };
        if !factor.is_finite() || numbers.iter().any(|number| !number.is_finite()) {
            return Err(ModelError::ChangeNotFinite);
        }
        Ok(())
    }
}

use crate::{CheckpointError, Config};

/// Data type of keys and values in the KV cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KvDtype {
    /// 32-bit floats.
    #[default]
    F32,
    /// 16-bit floats, two to a word.
    F16,
    /// Signed bytes, four to a word, with one 32-bit scale for each head and position: a 127th of the
    /// largest absolute value. llama.cpp's `--cache-type-k q8_0` has a 16-bit scale per 32 values; one scale per key
    /// needs a single load and product, outside the sum over dimensions, and no more memory from 64 dimensions up.
    Q8,
}

impl KvDtype {
    /// Bytes of each value.
    #[must_use]
    pub fn value_bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::Q8 => 1,
        }
    }

    /// Bytes of the scale of a head at a position; 0 for floats.
    #[must_use]
    pub fn scale_bytes(self) -> u64 {
        match self {
            Self::F32 | Self::F16 => 0,
            Self::Q8 => 4,
        }
    }

    /// The number of values of a head must be a multiple of this.
    #[must_use]
    pub fn head_multiple(self) -> u32 {
        match self {
            Self::F32 | Self::F16 => 2,
            Self::Q8 => 4,
        }
    }

    /// Bytes per token in the cache of one layer: 2 × key heads × (head_dim × bytes of a value + bytes of a scale).
    #[must_use]
    pub fn bytes_per_layer(self, config: &Config) -> u64 {
        let head = u64::from(config.head_dim) * self.value_bytes() + self.scale_bytes();
        2 * u64::from(config.num_key_value_heads) * head
    }

    /// Bytes per token in the cache of all layers.
    #[must_use]
    pub fn bytes_per_token(self, config: &Config) -> u64 {
        u64::from(config.num_hidden_layers()) * self.bytes_per_layer(config)
    }

    /// Checks that heads of this configuration can be stored.
    ///
    /// # Errors
    /// When the head dimension is not a multiple of [`KvDtype::head_multiple`].
    pub fn check(self, config: &Config) -> Result<(), CheckpointError> {
        let (head_dim, multiple) = (config.head_dim, self.head_multiple());
        match head_dim.is_multiple_of(multiple) {
            true => Ok(()),
            false => Err(CheckpointError::KvDtype { head_dim, multiple }),
        }
    }
}

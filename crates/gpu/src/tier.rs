use crate::StoreKind;
use crate::adapter::AdapterDescription;

/// What kind of device kernels are made for. It is decided once, when a device is requested, and everything that
/// depends on it asks one of these methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// A real GPU. Everything that kernels read and write lies in storage buffers.
    Gpu,
    /// A software adapter: a processor that executes shaders, as lavapipe and SwiftShader do.
    Software {
        /// What weights and the KV cache lie in. llvmpipe calls a function for each texel of a texture that is
        /// bound to be sampled and loads one of a storage texture in place; SwiftShader is faster with the former.
        store: StoreKind,
        /// Invocations that its vectors execute together.
        vector: u32,
    },
}

impl Tier {
    /// SwiftShader, as in Chromium.
    pub const SWIFTSHADER: Self = Self::Software {
        store: StoreKind::SampledTexture,
        vector: 4,
    };
    /// Mesa's lavapipe.
    pub const LAVAPIPE: Self = Self::Software {
        store: StoreKind::StorageTexture,
        vector: 8,
    };

    pub(crate) fn of(adapter: &AdapterDescription) -> Self {
        if adapter.device_type != "Cpu" {
            return Self::Gpu;
        }
        // Browsers bring SwiftShader along; one without subgroups does not tell its vectors' size.
        let is_narrow = match adapter.caps.subgroup_size {
            Some(lanes) => lanes == 4,
            None => adapter.backend == "BrowserWebGpu",
        };
        match is_narrow {
            true => Self::SWIFTSHADER,
            false => Self::LAVAPIPE,
        }
    }

    /// Whether it is a software adapter.
    #[must_use]
    pub fn is_software(self) -> bool {
        self != Self::Gpu
    }

    /// What kernels read weights from fastest, four words at a time.
    #[must_use]
    pub fn weight_store(self) -> StoreKind {
        match self {
            Self::Gpu => StoreKind::Buffer,
            Self::Software { store, .. } => store,
        }
    }

    /// Invocations for each of some rows that a kernel sums up. On a software adapter they are one vector, for
    /// several wait for one another at every barrier.
    #[must_use]
    pub fn row_invocations(self) -> u32 {
        match self {
            Self::Gpu => 64,
            Self::Software { .. } => 8,
        }
    }

    /// Workgroups at work for one token from which on attention splits its keys no further: a few for each core of
    /// a processor, enough for a whole GPU.
    #[must_use]
    pub fn busy_workgroups(self) -> u32 {
        match self {
            Self::Gpu => 256,
            Self::Software { .. } => 16,
        }
    }
}

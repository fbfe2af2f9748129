use crate::StoreKind;
use crate::adapter::AdapterDescription;

/// The tier that kernels are made for. It is decided once, when a device is requested, and everything that depends on
/// it asks one of these methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// A real GPU. Kernels read and write storage buffers.
    Gpu,
    /// A software adapter: a driver that runs shaders on the CPU, such as lavapipe and SwiftShader.
    Software {
        /// The memory of weights and the KV cache. llvmpipe calls a function for each texel of a sampled texture and
        /// loads a texel of a storage texture inline; SwiftShader is faster with sampled textures.
        store: StoreKind,
        /// Width of its vectors, in invocations.
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
        // Browsers include SwiftShader. Without subgroups the width of its vectors is unknown.
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

    /// The memory from which kernels load four words of weights fastest.
    #[must_use]
    pub fn weight_store(self) -> StoreKind {
        match self {
            Self::Gpu => StoreKind::Buffer,
            Self::Software { store, .. } => store,
        }
    }

    /// Invocations per row of kernels that reduce rows. On a software adapter they are one vector, because several
    /// vectors wait for each other at every barrier.
    #[must_use]
    pub fn row_invocations(self) -> u32 {
        match self {
            Self::Gpu => 64,
            Self::Software { .. } => 8,
        }
    }

    /// Workgroups for one token above which attention does not split its keys further: a few per CPU core, or enough
    /// to fill a GPU.
    #[must_use]
    pub fn busy_workgroups(self) -> u32 {
        match self {
            Self::Gpu => 256,
            Self::Software { .. } => 16,
        }
    }
}

/// Errors of the GPU. Each message is one sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// The browser has no WebGPU.
    #[error(
        "This browser offers no WebGPU: use a current Chrome, Edge, Safari 26 or Firefox 141 (or \
         newer), over https or from localhost."
    )]
    NoWebGpu,
    /// No adapter.
    #[error(
        "No GPU adapter was found: install your GPU's Vulkan, Metal or DirectX 12 driver, or a \
         software one (`mesa-vulkan-drivers` on Debian)."
    )]
    NoAdapter,
    /// The browser has WebGPU, but offers no adapter.
    #[error(
        "This browser has WebGPU but offers no GPU adapter: turn on hardware acceleration in its \
         settings, or update the GPU driver."
    )]
    NoWebAdapter,
    /// `--adapter` matched no adapter.
    #[error("No adapter matches \"{wanted}\": choose one of {found}.")]
    NoSuchAdapter {
        /// What was asked for.
        wanted: String,
        /// The available adapters.
        found: String,
    },
    /// The adapter refused a device.
    #[error("The adapter {adapter} gave no device: {reason}.")]
    NoDevice {
        /// The adapter's name.
        adapter: String,
        /// What the driver or the browser said.
        reason: String,
    },
    /// The device ran out of memory.
    #[error(
        "The GPU ran out of memory: close other programs that use it, ask for a shorter context, or \
         choose a smaller model."
    )]
    OutOfMemory,
    /// A buffer exceeds the adapter's limit.
    #[error(
        "{label} needs a buffer of {bytes} bytes, but this adapter allows {limit}: choose a smaller \
         model or a shorter context."
    )]
    TooLarge {
        /// The buffer.
        label: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The device was lost.
    #[error("The GPU device was lost ({reason}): load the model again.")]
    DeviceLost {
        /// What the driver or the browser said.
        reason: String,
    },
    /// A validation or internal error: a defect of ours.
    #[error("The GPU refused a command, which is a defect of Vitrine; please report it: {0}")]
    Internal(String),
    /// A shader template is malformed: a defect of ours.
    #[error("The shader {shader} cannot be assembled, which is a defect of Vitrine: {reason}")]
    Shader {
        /// The shader.
        shader: String,
        /// What is wrong.
        reason: String,
    },
}

impl From<wgpu::Error> for GpuError {
    fn from(error: wgpu::Error) -> Self {
        match error {
            wgpu::Error::OutOfMemory { .. } => Self::OutOfMemory,
            wgpu::Error::Validation { description, .. }
            | wgpu::Error::Internal { description, .. } => Self::Internal(description),
        }
    }
}

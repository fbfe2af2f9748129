//! Devices, shaders, buffers, recordings and readback on wgpu.
//!
//! The only crate that creates wgpu objects. Crates above it use [`Kernel`]s, [`Buffer`]s and [`Recording`]s,
//! natively and in the browser alike.

mod adapter;
#[cfg(target_arch = "wasm32")]
mod browser;
mod buffer;
mod caps;
mod device;
mod error;
mod kernel;
mod memory;
mod pipeline;
#[cfg(not(target_arch = "wasm32"))]
mod pipeline_cache;
mod readback;
mod recording;
pub mod shader;
mod texture;
mod tier;
mod time;
mod timing;

pub use adapter::{AdapterDescription, AdapterSelector, list_adapters};
pub use buffer::{BINDING_ALIGNMENT, Bound, Buffer, Usage};
pub use caps::Caps;
pub use device::Gpu;
pub use error::GpuError;
pub use kernel::{Binding, Kernel};
pub use readback::Readback;
pub use recording::{Dispatch, Extent, Grid, Place, Recording};
pub use shader::{Constant, ShaderSource};
pub use texture::{Store, StoreKind, Texture};
pub use tier::Tier;
pub use time::Clock;
pub use timing::{Detail, PendingSpans, Span, Timer};

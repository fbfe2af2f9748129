//! Finding adapters and choosing one.

use crate::{Caps, GpuError};

/// The adapter to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AdapterSelector {
    /// The one that the system prefers for heavy work.
    #[default]
    Best,
    /// By index in [`list_adapters`].
    Index(usize),
    /// By a part of its name, ignoring case.
    Name(String),
}

impl AdapterSelector {
    /// Parses `"1"` as an index and anything else as a part of a name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.to_owned()), Self::Index)
    }
}

/// Description of an adapter for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterDescription {
    /// The adapter's name.
    pub name: String,
    /// `Vulkan`, `Metal`, `Dx12` or `BrowserWebGpu`.
    pub backend: String,
    /// `DiscreteGpu`, `IntegratedGpu`, `VirtualGpu`, `Cpu` or `Other`.
    pub device_type: String,
    /// The driver and its version, if known.
    pub driver: String,
    /// What it can do.
    pub caps: Caps,
}

impl AdapterDescription {
    pub(crate) fn of(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let driver = format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_owned();
        // Browsers often hide the name.
        let name = if info.name.is_empty() {
            "WebGPU adapter".to_owned()
        } else {
            info.name
        };
        Self {
            name,
            backend: format!("{:?}", info.backend),
            device_type: format!("{:?}", info.device_type),
            driver,
            caps: Caps::of(adapter),
        }
    }

    /// The same with subgroups, which wgpu does not report.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn with_subgroups(self, adapter: &wgpu::Adapter) -> Self {
        Self {
            caps: self.caps.with_subgroups(&adapter.get_info()),
            ..self
        }
    }
}

/// All adapters of this machine, in the system's order of preference.
///
/// A browser offers a single adapter, not a list.
pub async fn list_adapters() -> Vec<AdapterDescription> {
    all(&instance())
        .await
        .iter()
        .map(AdapterDescription::of)
        .collect()
}

pub(crate) fn instance() -> wgpu::Instance {
    wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle())
}

/// The adapter of wgpu's no-op backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) async fn planning() -> Result<wgpu::Adapter, GpuError> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::NOOP;
    descriptor.backend_options.noop.enable = true;
    let instance = wgpu::Instance::new(descriptor);
    let adapters = instance.enumerate_adapters(wgpu::Backends::NOOP).await;
    adapters.into_iter().next().ok_or(GpuError::NoAdapter)
}

pub(crate) async fn choose(selector: &AdapterSelector) -> Result<wgpu::Adapter, GpuError> {
    #[cfg(target_arch = "wasm32")]
    if !crate::browser::has_webgpu() {
        return Err(GpuError::NoWebGpu);
    }
    let instance = instance();
    let wanted = match selector {
        AdapterSelector::Best => return best(&instance).await,
        AdapterSelector::Index(index) => index.to_string(),
        AdapterSelector::Name(name) => name.clone(),
    };
    let adapters = all(&instance).await;
    if adapters.is_empty() {
        return Err(GpuError::NoAdapter);
    }
    let names: Vec<String> = adapters
        .iter()
        .map(|adapter| adapter.get_info().name)
        .collect();
    let position = match selector {
        AdapterSelector::Index(index) => (*index < adapters.len()).then_some(*index),
        _ => names
            .iter()
            .position(|name| name.to_lowercase().contains(&wanted.to_lowercase())),
    };
    position
        .and_then(|position| adapters.into_iter().nth(position))
        .ok_or_else(|| {
            let found: Vec<String> = names
                .iter()
                .enumerate()
                .map(|(index, name)| format!("{index}: {name}"))
                .collect();
            GpuError::NoSuchAdapter {
                wanted,
                found: found.join(", "),
            }
        })
}

async fn best(instance: &wgpu::Instance) -> Result<wgpu::Adapter, GpuError> {
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    instance.request_adapter(&options).await.map_err(|_| {
        if cfg!(target_arch = "wasm32") {
            GpuError::NoWebAdapter
        } else {
            GpuError::NoAdapter
        }
    })
}

async fn all(instance: &wgpu::Instance) -> Vec<wgpu::Adapter> {
    let mut adapters = instance.enumerate_adapters(wgpu::Backends::all()).await;
    adapters.sort_by_key(|adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    adapters
}

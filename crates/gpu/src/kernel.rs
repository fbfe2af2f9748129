//! Compiled kernels, each compiled once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::pipeline::{Compilers, Pipeline, PipelineSource};
use crate::{GpuError, ShaderSource, texture};

/// How a kernel accesses a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binding {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
    /// `var`, a `texture_2d<u32>`.
    SampledTexture,
    /// `var`, a `texture_storage_2d<rgba32uint, read>`.
    StorageTexture,
    /// `var`, a `texture_storage_2d<rgba32uint, write>`.
    WrittenTexture,
    /// `var<uniform>`.
    Uniform,
}

impl Binding {
    /// How WGSL declares it, up to its name.
    pub(crate) fn access(self) -> &'static str {
        match self {
            Self::Read => "var<storage, read> ",
            Self::ReadWrite => "var<storage, read_write> ",
            Self::Uniform => "var<uniform> ",
            Self::SampledTexture | Self::StorageTexture | Self::WrittenTexture => "var ",
        }
    }
}

/// A permutation of a kernel, compiled or being compiled. Clones are cheap.
#[derive(Clone)]
pub struct Kernel {
    inner: Rc<Compiled>,
}

struct Compiled {
    pipeline: Pipeline,
    layout: wgpu::BindGroupLayout,
    source: ShaderSource,
    label: String,
}

impl Kernel {
    fn begin(
        compilers: &Compilers,
        device: &wgpu::Device,
        source: &ShaderSource,
        cache: Option<&wgpu::PipelineCache>,
    ) -> Result<Self, GpuError> {
        let label = source.label();
        let wgsl = if cfg!(target_arch = "wasm32") {
            source.browser_wgsl()?
        } else {
            source.wgsl()?
        };
        let kinds = source.bindings.iter().map(|(_, binding)| binding);
        let entries: Vec<_> = (0..).zip(kinds).map(layout_entry).collect();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(&label),
            entries: &entries,
        });
        let pipeline = compilers.begin(PipelineSource {
            device: device.clone(),
            label: label.clone(),
            wgsl,
            layout: layout.clone(),
            cache: cache.cloned(),
        });
        Ok(Self {
            inner: Rc::new(Compiled {
                pipeline,
                layout,
                source: source.clone(),
                label,
            }),
        })
    }

    /// Waits until it is compiled.
    pub(crate) fn pipeline(&self) -> &wgpu::ComputePipeline {
        self.inner.pipeline.get()
    }

    pub(crate) fn layout(&self) -> &wgpu::BindGroupLayout {
        &self.inner.layout
    }

    /// Its shader's name.
    pub(crate) fn name(&self) -> &'static str {
        self.inner.source.name
    }

    /// What it was made of.
    #[must_use]
    pub fn source(&self) -> &ShaderSource {
        &self.inner.source
    }

    /// Identifies this permutation.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.inner.label
    }
}

fn layout_entry((binding, kind): (u32, &Binding)) -> wgpu::BindGroupLayoutEntry {
    let buffer = |ty| wgpu::BindingType::Buffer {
        ty,
        has_dynamic_offset: false,
        min_binding_size: None,
    };
    let storage = |read_only| buffer(wgpu::BufferBindingType::Storage { read_only });
    let texture = |access| wgpu::BindingType::StorageTexture {
        access,
        format: texture::FORMAT,
        view_dimension: wgpu::TextureViewDimension::D2,
    };
    let ty = match kind {
        Binding::Read => storage(true),
        Binding::ReadWrite => storage(false),
        Binding::Uniform => buffer(wgpu::BufferBindingType::Uniform),
        Binding::SampledTexture => wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Uint,
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        },
        Binding::StorageTexture => texture(wgpu::StorageTextureAccess::ReadOnly),
        Binding::WrittenTexture => texture(wgpu::StorageTextureAccess::WriteOnly),
    };
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty,
        count: None,
    }
}

/// The kernels of a device, by permutation.
#[derive(Default)]
pub(crate) struct KernelCache {
    /// Dropped first, so that compilations that have not begun are cancelled.
    compilers: Compilers,
    kernels: RefCell<HashMap<String, Kernel>>,
}

impl KernelCache {
    /// A cache whose kernels are described and never compiled.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn of_descriptions() -> Self {
        Self {
            compilers: Compilers::stopped(),
            kernels: RefCell::default(),
        }
    }

    /// The kernel of this description; compilation starts if it is new.
    pub(crate) fn get(
        &self,
        device: &wgpu::Device,
        source: &ShaderSource,
        cache: Option<&wgpu::PipelineCache>,
    ) -> Result<Kernel, GpuError> {
        let label = source.label();
        if let Some(kernel) = self.kernels.borrow().get(&label) {
            return Ok(kernel.clone());
        }
        let kernel = Kernel::begin(&self.compilers, device, source, cache)?;
        self.kernels.borrow_mut().insert(label, kernel.clone());
        Ok(kernel)
    }
}

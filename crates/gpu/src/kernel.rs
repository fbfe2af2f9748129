//! Compiled kernels, each compiled once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::{GpuError, ShaderSource};

/// What a kernel does with a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binding {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
    /// `var<uniform>`.
    Uniform,
    /// `var<uniform>`, which moves on with each block of tokens.
    UniformBlock,
    /// `var<storage, read_write>`, which moves on with each block of tokens.
    ReadWriteBlock,
}

impl Binding {
    pub(crate) fn moves(self) -> bool {
        matches!(self, Self::UniformBlock | Self::ReadWriteBlock)
    }
}

/// A compiled permutation of a kernel. Cheap to clone.
#[derive(Clone)]
pub struct Kernel {
    inner: Rc<Compiled>,
}

struct Compiled {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    bindings: Vec<Binding>,
    name: &'static str,
    label: String,
}

impl Kernel {
    fn compile(
        device: &wgpu::Device,
        source: &ShaderSource,
        cache: Option<&wgpu::PipelineCache>,
    ) -> Result<Self, GpuError> {
        let label = source.label();
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&label),
            source: wgpu::ShaderSource::Wgsl(source.wgsl()?.into()),
        });
        let entries: Vec<_> = (0..).zip(&source.bindings).map(layout_entry).collect();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(&label),
            entries: &entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&label),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&label),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                // Every kernel writes its workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache,
        });
        Ok(Self {
            inner: Rc::new(Compiled {
                pipeline,
                layout,
                bindings: source.bindings.clone(),
                name: source.name,
                label,
            }),
        })
    }

    pub(crate) fn pipeline(&self) -> &wgpu::ComputePipeline {
        &self.inner.pipeline
    }

    pub(crate) fn layout(&self) -> &wgpu::BindGroupLayout {
        &self.inner.layout
    }

    pub(crate) fn bindings(&self) -> &[Binding] {
        &self.inner.bindings
    }

    /// Its shader's name.
    pub(crate) fn name(&self) -> &'static str {
        self.inner.name
    }

    /// What tells this permutation from the others.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.inner.label
    }
}

fn layout_entry((binding, kind): (u32, &Binding)) -> wgpu::BindGroupLayoutEntry {
    let ty = match kind {
        Binding::Read => wgpu::BufferBindingType::Storage { read_only: true },
        Binding::ReadWrite | Binding::ReadWriteBlock => {
            wgpu::BufferBindingType::Storage { read_only: false }
        }
        Binding::Uniform | Binding::UniformBlock => wgpu::BufferBindingType::Uniform,
    };
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty,
            has_dynamic_offset: kind.moves(),
            min_binding_size: None,
        },
        count: None,
    }
}

/// The kernels of a device, by permutation.
#[derive(Default)]
pub(crate) struct KernelCache {
    kernels: RefCell<HashMap<String, Kernel>>,
}

impl KernelCache {
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
        let kernel = Kernel::compile(device, source, cache)?;
        self.kernels.borrow_mut().insert(label, kernel.clone());
        Ok(kernel)
    }
}

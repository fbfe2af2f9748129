//! Pipelines that are compiled in the background: natively on other CPU cores; in a browser by its GPU process.

/// The inputs of a pipeline.
pub struct PipelineSource {
    pub device: wgpu::Device,
    pub label: String,
    pub wgsl: String,
    pub layout: wgpu::BindGroupLayout,
    /// The driver's pipeline cache.
    pub cache: Option<wgpu::PipelineCache>,
}

impl PipelineSource {
    /// [`Gpu::check`](crate::Gpu::check) reports errors.
    fn compile(&self) -> wgpu::ComputePipeline {
        let (device, label) = (&self.device, Some(self.label.as_str()));
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(self.wgsl.as_str().into()),
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&self.layout)],
            immediate_size: 0,
        });
        device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                // Every kernel writes its workgroup memory before it reads it, so zeroing it is unnecessary.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: self.cache.as_ref(),
        })
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::{Compilers, Pipeline};
#[cfg(target_arch = "wasm32")]
pub use web::{Compilers, Pipeline};

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::OnceCell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{Receiver, channel};

    use super::PipelineSource;

    /// The compiling threads of a device.
    #[derive(Default)]
    pub struct Compilers {
        /// Compilations that have not begun are cancelled.
        stopped: Arc<AtomicBool>,
    }

    impl Compilers {
        /// No threads, for devices that compile nothing.
        pub fn stopped() -> Self {
            Self {
                stopped: Arc::new(AtomicBool::new(true)),
            }
        }

        /// Queues the compilation.
        pub fn begin(&self, source: PipelineSource) -> Pipeline {
            let source = Arc::new(source);
            let (sender, coming) = channel();
            let (job, stopped) = (Arc::clone(&source), Arc::clone(&self.stopped));
            rayon::spawn(move || {
                if !stopped.load(Ordering::Relaxed) {
                    // The receiver waits for it even if the pipeline is never used.
                    let _ = sender.send(job.compile());
                }
            });
            Pipeline {
                source,
                coming,
                made: OnceCell::new(),
            }
        }
    }

    impl Drop for Compilers {
        fn drop(&mut self) {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// A pipeline, compiled or being compiled.
    pub struct Pipeline {
        source: Arc<PipelineSource>,
        coming: Receiver<wgpu::ComputePipeline>,
        made: OnceCell<wgpu::ComputePipeline>,
    }

    impl Pipeline {
        /// Waits until it is compiled.
        pub fn get(&self) -> &wgpu::ComputePipeline {
            self.made.get_or_init(|| {
                let coming = self.coming.recv();
                coming.unwrap_or_else(|_| self.source.compile())
            })
        }
    }

    impl Drop for Pipeline {
        /// The program must not end while a driver compiles.
        fn drop(&mut self) {
            if self.made.get().is_none() {
                let _ = self.coming.recv();
            }
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod web {
    use super::PipelineSource;

    /// The browser compiles in its own process.
    #[derive(Default)]
    pub struct Compilers;

    impl Compilers {
        /// Queues the compilation.
        pub fn begin(&self, source: PipelineSource) -> Pipeline {
            Pipeline(source.compile())
        }
    }

    /// A pipeline, compiled or being compiled.
    pub struct Pipeline(wgpu::ComputePipeline);

    impl Pipeline {
        /// Its first run waits until it is compiled.
        pub fn get(&self) -> &wgpu::ComputePipeline {
            &self.0
        }
    }
}

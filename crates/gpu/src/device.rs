//! The device, its queue, and the state they share.

#[cfg(not(target_arch = "wasm32"))]
use std::{cell::OnceCell, path::Path};

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use futures_channel::oneshot;

use crate::adapter::{self, AdapterDescription, AdapterSelector};
use crate::buffer::{Buffer, Usage};
use crate::kernel::{Kernel, KernelCache};
use crate::memory::Memory;
#[cfg(not(target_arch = "wasm32"))]
use crate::pipeline_cache::PipelineFile;
use crate::timing::{Detail, PendingSpans, Spans, Timer};
use crate::{Caps, GpuError, Readback, Recording, ShaderSource, Store, StoreKind, Texture, Tier};

/// A GPU device. Clones are cheap and share the device.
#[derive(Clone)]
pub struct Gpu {
    inner: Rc<Inner>,
}

struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    description: AdapterDescription,
    tier: Tier,
    kernels: KernelCache,
    #[cfg(not(target_arch = "wasm32"))]
    pipelines: OnceCell<PipelineFile>,
    #[cfg(not(target_arch = "wasm32"))]
    adapter: wgpu::AdapterInfo,
    memory: Rc<Memory>,
    /// The first error outside any error scope. Callbacks write it, and [`Gpu::check`] reads it.
    trouble: Arc<Mutex<Option<GpuError>>>,
}

impl Gpu {
    /// Chooses an adapter and requests a device with all limits that it offers.
    ///
    /// # Errors
    /// When there is no such adapter, or it refuses a device.
    pub async fn request(selector: &AdapterSelector) -> Result<Self, GpuError> {
        let adapter = adapter::choose(selector).await?;
        let description = AdapterDescription::of(&adapter);
        let wanted = wgpu::Features::SHADER_F16
            | wgpu::Features::SUBGROUP
            | wgpu::Features::TIMESTAMP_QUERY
            | wgpu::Features::PIPELINE_CACHE;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("vitrine"),
            required_features: adapter.features() & wanted,
            required_limits: adapter.limits(),
            // Weights are large. In big blocks shared with short-lived buffers they would leave gaps.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) =
            adapter
                .request_device(&descriptor)
                .await
                .map_err(|error| GpuError::NoDevice {
                    adapter: description.name.clone(),
                    reason: error.to_string(),
                })?;
        #[cfg(target_arch = "wasm32")]
        let description = if crate::browser::gave_subgroups(&device) {
            description.with_subgroups(&adapter)
        } else {
            description
        };

        let trouble = Arc::new(Mutex::new(None));
        let uncaptured = Arc::clone(&trouble);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            note(&uncaptured, GpuError::from(error));
        }));
        let lost = Arc::clone(&trouble);
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                note(&lost, GpuError::DeviceLost { reason: message });
            }
        });
        let kernels = KernelCache::default();
        let tier = Tier::of(&description);
        Ok(Self {
            inner: Rc::new(Inner {
                device,
                queue,
                description,
                tier,
                kernels,
                #[cfg(not(target_arch = "wasm32"))]
                pipelines: OnceCell::new(),
                #[cfg(not(target_arch = "wasm32"))]
                adapter: adapter.get_info(),
                memory: Rc::default(),
                trouble,
            }),
        })
    }

    /// A device that computes nothing and has no memory. Plans made on it for an adapter with `caps` show which
    /// kernels they need.
    ///
    /// # Errors
    /// When wgpu has no such backend.
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn planning(caps: Caps) -> Result<Self, GpuError> {
        let adapter = adapter::planning().await?;
        let descriptor = wgpu::DeviceDescriptor {
            required_features: wgpu::Features::SHADER_F16 | wgpu::Features::SUBGROUP,
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let device = adapter.request_device(&descriptor).await;
        let (device, queue) = device.map_err(|error| GpuError::NoDevice {
            adapter: "the adapter for plans".to_owned(),
            reason: error.to_string(),
        })?;
        let description = AdapterDescription {
            device_type: "DiscreteGpu".to_owned(),
            caps,
            ..AdapterDescription::of(&adapter)
        };
        Ok(Self {
            inner: Rc::new(Inner {
                device,
                queue,
                description,
                tier: Tier::Gpu,
                kernels: KernelCache::of_descriptions(),
                pipelines: OnceCell::new(),
                adapter: adapter.get_info(),
                memory: Rc::new(Memory::counted_only()),
                trouble: Arc::default(),
            }),
        })
    }

    /// Loads pipelines that the driver compiled earlier from a file in `folder`, if the driver supports that.
    /// Browsers have a cache of their own.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn keep_pipelines_in(&self, folder: &Path) {
        let Inner {
            device,
            adapter,
            pipelines,
            ..
        } = &*self.inner;
        if let Some(file) = PipelineFile::open(device, adapter, folder) {
            // A second call keeps the first cache.
            let _ = pipelines.set(file);
        }
    }

    /// The compiled pipelines and the file to write them to, atomically; `None` if nothing was compiled since
    /// [`Gpu::keep_pipelines_in`].
    #[cfg(not(target_arch = "wasm32"))]
    #[must_use]
    pub fn compiled_pipelines(&self) -> Option<(&Path, Vec<u8>)> {
        self.inner.pipelines.get()?.compiled()
    }

    /// The adapter behind the device.
    #[must_use]
    pub fn description(&self) -> &AdapterDescription {
        &self.inner.description
    }

    /// The adapter's capabilities.
    #[must_use]
    pub fn caps(&self) -> &Caps {
        &self.inner.description.caps
    }

    /// The same device with weights in parts of at most `bytes` bytes, which simulates an adapter with a small limit.
    #[must_use]
    pub fn with_weight_binding_limit(mut self, bytes: u64) -> Self {
        if let Some(inner) = Rc::get_mut(&mut self.inner) {
            let limit = &mut inner.description.caps.max_weight_binding;
            *limit = bytes.min(*limit);
        }
        self
    }

    /// The tier that kernels are made for.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.inner.tier
    }

    /// The same device with the kernels of another tier, so that they can be tested on any adapter.
    #[must_use]
    pub fn with_tier(mut self, tier: Tier) -> Self {
        if let Some(inner) = Rc::get_mut(&mut self.inner) {
            inner.tier = tier;
        }
        self
    }

    /// Allocates a zeroed buffer. Its size is rounded up to whole `vec4`s.
    ///
    /// # Errors
    /// When it exceeds the adapter's limit. [`Gpu::check`] reports a lack of memory.
    pub fn buffer(&self, label: &str, bytes: u64, usage: Usage) -> Result<Buffer, GpuError> {
        let (device, memory) = (&self.inner.device, &self.inner.memory);
        Buffer::new(device, self.caps(), memory, label, bytes, usage)
    }

    /// Allocates zeros in this kind of memory. The size of textures is rounded up to whole rows.
    ///
    /// # Errors
    /// When it exceeds the adapter's limit. [`Gpu::check`] reports a lack of memory.
    pub fn store(
        &self,
        label: &str,
        bytes: u64,
        kind: StoreKind,
        usage: Usage,
    ) -> Result<Store, GpuError> {
        if kind == StoreKind::Buffer {
            return self.buffer(label, bytes, usage).map(Store::Buffer);
        }
        let (device, memory) = (&self.inner.device, &self.inner.memory);
        let texture = Texture::new(device, self.caps(), memory, label, bytes, (kind, usage))?;
        Ok(Store::Texture(texture))
    }

    /// Peak bytes of all buffers and textures; staging is not counted.
    #[must_use]
    pub fn peak_buffer_bytes(&self) -> u64 {
        self.inner.memory.most()
    }

    /// Queues a write before the next submission. Offset and length are multiples of 4.
    pub fn write(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) {
        if !self.inner.memory.is_real() {
            return;
        }
        let offset = buffer.offset() + offset;
        self.inner.queue.write_buffer(buffer.raw(), offset, bytes);
    }

    /// The same for a buffer or texture; for a texture offset and length are whole texels.
    pub fn write_store(&self, store: &Store, offset: u64, bytes: &[u8]) {
        match store {
            Store::Buffer(buffer) => self.write(buffer, offset, bytes),
            Store::Texture(texture) => texture.write(&self.inner.queue, offset, bytes),
        }
    }

    /// Submits all queued writes and waits for them, so that host memory keeps no copies.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn flush(&self) -> Result<(), GpuError> {
        let (sender, done) = oneshot::channel();
        let submission = self.inner.queue.submit([]);
        self.inner.queue.on_submitted_work_done(move || {
            // The receiver is dropped when the caller no longer waits.
            let _ = sender.send(());
        });
        self.wait(submission)?;
        let outcome = done.await;
        self.check()?;
        outcome.map_err(|_| GpuError::DeviceLost {
            reason: "it never finished its work".to_owned(),
        })
    }

    /// Natively callbacks run only while the device is polled; a browser runs them itself.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<(), GpuError> {
        let polled = self.inner.device.poll(wgpu::PollType::Wait {
            submission_index: Some(submission),
            timeout: None,
        });
        // A refused submission never completes, so waiting for its callback would hang.
        self.check()?;
        polled.map(drop).map_err(|error| GpuError::DeviceLost {
            reason: error.to_string(),
        })
    }

    #[cfg(target_arch = "wasm32")]
    pub(crate) fn wait(&self, _submission: wgpu::SubmissionIndex) -> Result<(), GpuError> {
        self.check()
    }

    /// The kernel for this description, compiled once in the background and kept.
    ///
    /// # Errors
    /// When its template is malformed. [`Gpu::check`] reports compiler errors after the first run.
    pub fn kernel(&self, source: &ShaderSource) -> Result<Kernel, GpuError> {
        #[cfg(not(target_arch = "wasm32"))]
        let cache = self.inner.pipelines.get().map(|file| &file.cache);
        #[cfg(target_arch = "wasm32")]
        let cache = None;
        self.inner.kernels.get(&self.inner.device, source, cache)
    }

    /// Submits recordings for passes of `n_tokens` rows, in order, without waiting.
    pub fn submit<'a>(&self, n_tokens: u32, recordings: impl IntoIterator<Item = &'a Recording>) {
        let encoder = self.encode(n_tokens, recordings, None);
        self.inner.queue.submit([encoder.finish()]);
    }

    /// Submits recordings and then requests the first bytes of each buffer of `results`, concatenated. Does not wait.
    #[must_use]
    pub fn submit_and_read<'a>(
        &self,
        n_tokens: u32,
        recordings: impl IntoIterator<Item = &'a Recording>,
        results: &[(&Buffer, u64)],
    ) -> Readback {
        Readback::start(self, self.encode(n_tokens, recordings, None), results)
    }

    /// Allocates timestamp queries; `None` if the adapter has none.
    ///
    /// # Errors
    /// When the adapter's limits are too small for it.
    pub fn timer(&self, detail: Detail) -> Result<Option<Timer>, GpuError> {
        Timer::new(self, detail)
    }

    /// As [`Gpu::submit_and_read`], with timestamps around the commands, which are the last bytes of the result.
    #[must_use]
    pub fn submit_and_read_timed<'a>(
        &self,
        n_tokens: u32,
        recordings: impl IntoIterator<Item = &'a Recording>,
        results: &[(&Buffer, u64)],
        timer: &Timer,
    ) -> (Readback, PendingSpans) {
        let mut spans = timer.spans();
        let mut encoder = self.encode(n_tokens, recordings, Some(&mut spans));
        let (ticks, bytes, pending) = spans.end(&mut encoder);
        let results: Vec<_> = results.iter().copied().chain([(ticks, bytes)]).collect();
        (Readback::start(self, encoder, &results), pending)
    }

    fn encode<'a>(
        &self,
        n_tokens: u32,
        recordings: impl IntoIterator<Item = &'a Recording>,
        mut spans: Option<&mut Spans<'_>>,
    ) -> wgpu::CommandEncoder {
        let mut encoder = self
            .inner
            .device
            .create_command_encoder(&Default::default());
        for recording in recordings {
            recording.replay(&mut encoder, n_tokens, spans.as_deref_mut());
        }
        encoder
    }

    /// Returns the first error since the last check.
    ///
    /// # Errors
    /// That error.
    pub fn check(&self) -> Result<(), GpuError> {
        let mut trouble = self
            .inner
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*trouble {
            None => Ok(()),
            // A lost device stays lost.
            Some(lost @ GpuError::DeviceLost { .. }) => Err(lost.clone()),
            Some(_) => trouble.take().map_or(Ok(()), Err),
        }
    }

    pub(crate) fn device(&self) -> &wgpu::Device {
        &self.inner.device
    }

    pub(crate) fn queue(&self) -> &wgpu::Queue {
        &self.inner.queue
    }
}

fn note(slot: &Mutex<Option<GpuError>>, error: GpuError) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if slot.is_none() || matches!(error, GpuError::DeviceLost { .. }) {
        *slot = Some(error);
    }
}

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

/// A device that computes. Cheap to clone; all clones are the same device.
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
    /// The first error that no scope caught; callbacks write it, [`Gpu::check`] reads it.
    trouble: Arc<Mutex<Option<GpuError>>>,
}

impl Gpu {
    /// Chooses an adapter and makes a device with all the limits it offers.
    ///
    /// # Errors
    /// When there is no (such) adapter, or it gives no device.
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
            // Weights are large: in big blocks that they share with what passes through, holes
            // would stay between them.
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

    /// A device that computes nothing and has no memory: plans are made on it for an adapter that can do
    /// `caps`, to see which kernels they ask for.
    ///
    /// # Errors
    /// When wgpu has no backend for that.
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

    /// From here on takes what drivers compiled before from a file in `folder`, where they let us; a
    /// browser does that by itself.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn keep_pipelines_in(&self, folder: &Path) {
        let Inner {
            device,
            adapter,
            pipelines,
            ..
        } = &*self.inner;
        if let Some(file) = PipelineFile::open(device, adapter, folder) {
            // Who comes second goes on with the first.
            let _ = pipelines.set(file);
        }
    }

    /// What was compiled since [`Gpu::keep_pipelines_in`] and the file that should have it, whole or not
    /// at all; none where that file has all of it.
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

    /// What the adapter can do.
    #[must_use]
    pub fn caps(&self) -> &Caps {
        &self.inner.description.caps
    }

    /// The same device, which now wants weights in pieces of at most `bytes`: shows on any adapter
    /// what happens on one with a small limit.
    #[must_use]
    pub fn with_weight_binding_limit(mut self, bytes: u64) -> Self {
        if let Some(inner) = Rc::get_mut(&mut self.inner) {
            let limit = &mut inner.description.caps.max_weight_binding;
            *limit = bytes.min(*limit);
        }
        self
    }

    /// What kind of device kernels are made for.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.inner.tier
    }

    /// The same device with the kernels of another kind of device: shows on any adapter what they do there.
    #[must_use]
    pub fn with_tier(mut self, tier: Tier) -> Self {
        if let Some(inner) = Rc::get_mut(&mut self.inner) {
            inner.tier = tier;
        }
        self
    }

    /// A zeroed buffer. Sizes are rounded up to whole `vec4`s.
    ///
    /// # Errors
    /// When it exceeds the adapter's limit. Lack of memory shows in [`Gpu::check`].
    pub fn buffer(&self, label: &str, bytes: u64, usage: Usage) -> Result<Buffer, GpuError> {
        let (device, memory) = (&self.inner.device, &self.inner.memory);
        Buffer::new(device, self.caps(), memory, label, bytes, usage)
    }

    /// Zeros in this kind of store. Those of textures are rounded up to whole rows.
    ///
    /// # Errors
    /// When it exceeds the adapter's limit. Lack of memory shows in [`Gpu::check`].
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

    /// The most bytes that its buffers and textures had at a time; what goes through staging does not count.
    #[must_use]
    pub fn peak_buffer_bytes(&self) -> u64 {
        self.inner.memory.most()
    }

    /// Queues bytes to be written before the next submission. Offset and length are multiples of 4.
    pub fn write(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) {
        if !self.inner.memory.is_real() {
            return;
        }
        let offset = buffer.offset() + offset;
        self.inner.queue.write_buffer(buffer.raw(), offset, bytes);
    }

    /// The same for what may be a texture, of which offset and length are whole texels.
    pub fn write_store(&self, store: &Store, offset: u64, bytes: &[u8]) {
        match store {
            Store::Buffer(buffer) => self.write(buffer, offset, bytes),
            Store::Texture(texture) => texture.write(&self.inner.queue, offset, bytes),
        }
    }

    /// Sends off what was written so far and waits until it has arrived, so that host memory holds
    /// no copies of it.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn flush(&self) -> Result<(), GpuError> {
        let (sender, done) = oneshot::channel();
        let submission = self.inner.queue.submit([]);
        self.inner.queue.on_submitted_work_done(move || {
            // The receiver is gone when nobody waits any more.
            let _ = sender.send(());
        });
        self.wait(submission)?;
        let outcome = done.await;
        self.check()?;
        outcome.map_err(|_| GpuError::DeviceLost {
            reason: "it never finished its work".to_owned(),
        })
    }

    /// Natively nobody runs the callbacks unless we poll; the browser does it by itself.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<(), GpuError> {
        let polled = self.inner.device.poll(wgpu::PollType::Wait {
            submission_index: Some(submission),
            timeout: None,
        });
        // A refused submission never completes: to wait for its callback would hang.
        self.check()?;
        polled.map(drop).map_err(|error| GpuError::DeviceLost {
            reason: error.to_string(),
        })
    }

    #[cfg(target_arch = "wasm32")]
    pub(crate) fn wait(&self, _submission: wgpu::SubmissionIndex) -> Result<(), GpuError> {
        self.check()
    }

    /// The kernel for this description; compiled once while other things go on, then kept.
    ///
    /// # Errors
    /// When its template is malformed. A compiler's refusal shows in [`Gpu::check`] after the first run.
    pub fn kernel(&self, source: &ShaderSource) -> Result<Kernel, GpuError> {
        #[cfg(not(target_arch = "wasm32"))]
        let cache = self.inner.pipelines.get().map(|file| &file.cache);
        #[cfg(target_arch = "wasm32")]
        let cache = None;
        self.inner.kernels.get(&self.inner.device, source, cache)
    }

    /// Submits recordings, each `n_tokens` wide, in order. Does not wait.
    pub fn submit<'a>(&self, n_tokens: u32, recordings: impl IntoIterator<Item = &'a Recording>) {
        let encoder = self.encode(n_tokens, recordings, None);
        self.inner.queue.submit([encoder.finish()]);
    }

    /// Submits recordings, and asks for the first bytes of each buffer of `results` (one after the
    /// other) as they are then. Does not wait.
    #[must_use]
    pub fn submit_and_read<'a>(
        &self,
        n_tokens: u32,
        recordings: impl IntoIterator<Item = &'a Recording>,
        results: &[(&Buffer, u64)],
    ) -> Readback {
        Readback::start(self, self.encode(n_tokens, recordings, None), results)
    }

    /// Room for timestamps; none where the adapter has no such queries.
    ///
    /// # Errors
    /// When the adapter's limits are too small for it.
    pub fn timer(&self, detail: Detail) -> Result<Option<Timer>, GpuError> {
        Timer::new(self, detail)
    }

    /// As [`Gpu::submit_and_read`], with timestamps around the commands; these are the last bytes
    /// of the answer.
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

    /// The first error since the last check, from whatever command it came.
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

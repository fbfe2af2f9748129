//! GPU buffers that free their memory when they are dropped.

use std::rc::Rc;

use crate::memory::{Memory, Share};
use crate::{Caps, GpuError, Store, Texture};

/// What a buffer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Written by the host, read by kernels: weights, tables, token ids.
    Input,
    /// Written and read by kernels, also as a uniform; may be copied from and to.
    Work,
    /// Written by timestamp queries.
    Ticks,
}

/// A buffer in GPU memory, or a part of one. Clones are cheap; dropping the last one frees the memory.
#[derive(Clone)]
pub struct Buffer {
    inner: Rc<Owned>,
    /// Offset in the allocation.
    offset: u64,
    size: u64,
}

/// Bytes to allocate for a buffer whose memory is only counted.
const COUNTED_BYTES: u64 = 256;

/// Offsets at which every adapter can bind a part of a buffer.
pub const BINDING_ALIGNMENT: u64 = 256;

struct Owned {
    raw: wgpu::Buffer,
    label: String,
    memory: Share,
}

impl Drop for Owned {
    fn drop(&mut self) {
        // In a browser dropping the handle frees no memory.
        self.raw.destroy();
    }
}

impl Buffer {
    pub(crate) fn new(
        device: &wgpu::Device,
        caps: &Caps,
        memory: &Rc<Memory>,
        label: &str,
        bytes: u64,
        usage: Usage,
    ) -> Result<Self, GpuError> {
        let size = bytes.max(16).next_multiple_of(16);
        let limit = caps.max_buffer.min(caps.max_storage_binding);
        let share = memory.share(label, size, limit)?;
        let base = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let usage = match usage {
            Usage::Input => base,
            Usage::Work => base | wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_SRC,
            Usage::Ticks => wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
        };
        let raw = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: if share.is_real() { size } else { COUNTED_BYTES },
            usage,
            mapped_at_creation: false,
        });
        Ok(Self {
            inner: Rc::new(Owned {
                raw,
                label: label.to_owned(),
                memory: share,
            }),
            offset: 0,
            size,
        })
    }

    /// The part of `bytes` bytes at `offset`, a multiple of [`BINDING_ALIGNMENT`]. Kernels can use different parts of
    /// one buffer.
    #[must_use]
    pub fn part(&self, offset: u64, bytes: u64) -> Self {
        debug_assert!(offset.is_multiple_of(BINDING_ALIGNMENT) && offset + bytes <= self.size);
        Self {
            inner: Rc::clone(&self.inner),
            offset: self.offset + offset,
            size: bytes,
        }
    }

    /// Its name, for error messages and profiles.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.inner.label
    }

    /// Size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The whole of it, as a binding.
    #[must_use]
    pub fn whole(&self) -> Bound<'_> {
        Bound::Buffer {
            buffer: self,
            bytes: self.size,
        }
    }

    /// Its first `bytes` bytes, as a binding; for uniforms, whose size is limited.
    #[must_use]
    pub fn first(&self, bytes: u64) -> Bound<'_> {
        Bound::Buffer {
            buffer: self,
            bytes,
        }
    }

    pub(crate) fn raw(&self) -> &wgpu::Buffer {
        &self.inner.raw
    }

    /// Offset in [`Buffer::raw`].
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }
}

/// The part of a buffer or texture that a kernel accesses.
#[derive(Clone, Copy)]
pub enum Bound<'a> {
    /// The first bytes of a buffer.
    Buffer {
        /// The buffer.
        buffer: &'a Buffer,
        /// How many.
        bytes: u64,
    },
    /// A texture.
    Texture(&'a Texture),
}

impl<'a> Bound<'a> {
    pub(crate) fn store(self) -> Store {
        match self {
            Self::Buffer { buffer, .. } => Store::Buffer(buffer.clone()),
            Self::Texture(texture) => Store::Texture(texture.clone()),
        }
    }

    /// Its size.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::Buffer { bytes, .. } => bytes,
            Self::Texture(texture) => texture.size(),
        }
    }

    pub(crate) fn resource(self) -> wgpu::BindingResource<'a> {
        match self {
            Self::Buffer { buffer, bytes } => {
                let (offset, bytes) = match buffer.inner.memory.is_real() {
                    true => (buffer.offset, bytes),
                    false => (0, bytes.min(COUNTED_BYTES)),
                };
                wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: buffer.raw(),
                    offset,
                    size: std::num::NonZeroU64::new(bytes),
                })
            }
            Self::Texture(texture) => wgpu::BindingResource::TextureView(texture.view()),
        }
    }
}

impl<'a> From<&'a Buffer> for Bound<'a> {
    fn from(buffer: &'a Buffer) -> Self {
        buffer.whole()
    }
}

impl<'a> From<&'a Store> for Bound<'a> {
    fn from(store: &'a Store) -> Self {
        store.whole()
    }
}

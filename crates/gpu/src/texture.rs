//! Textures of whole numbers, of which kernels load four at a time. Nothing is filtered: to a processor that
//! plays a GPU they are a storage buffer whose loads are cheaper.

use std::rc::Rc;

use crate::memory::{Memory, Share};
use crate::{Binding, Bound, Buffer, Caps, GpuError};

/// Texels of a row: texel i is number i % `TEXTURE_WIDTH` of row i / `TEXTURE_WIDTH`. Every adapter has
/// textures as wide, and kernels divide by it with a shift.
pub const TEXTURE_WIDTH: u32 = 1024;

/// Bytes of a texel: four 32-bit words.
const TEXEL_BYTES: u64 = 16;
pub(crate) const ROW_BYTES: u64 = TEXTURE_WIDTH as u64 * TEXEL_BYTES;

/// Four 32-bit words.
pub(crate) const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba32Uint;

/// Texels in GPU memory. Cheap to clone; the memory is freed with the last clone.
#[derive(Clone)]
pub struct Texture {
    inner: Rc<Owned>,
}

struct Owned {
    raw: wgpu::Texture,
    view: wgpu::TextureView,
    kind: StoreKind,
    memory: Share,
}

impl Drop for Owned {
    fn drop(&mut self) {
        // In the browser dropping the handle frees nothing.
        self.raw.destroy();
    }
}

impl Texture {
    pub(crate) fn new(
        device: &wgpu::Device,
        caps: &Caps,
        memory: &Rc<Memory>,
        label: &str,
        bytes: u64,
        kind: StoreKind,
    ) -> Result<Self, GpuError> {
        let rows = bytes.div_ceil(ROW_BYTES).max(1);
        let share = memory.share(label, rows * ROW_BYTES, caps.max_texture)?;
        let raw = device.create_texture(&wgpu::TextureDescriptor {
            label: Some(label),
            size: wgpu::Extent3d {
                width: TEXTURE_WIDTH,
                height: rows as u32,
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: FORMAT,
            usage: wgpu::TextureUsages::COPY_DST
                | match kind {
                    StoreKind::StorageTexture => wgpu::TextureUsages::STORAGE_BINDING,
                    _ => wgpu::TextureUsages::TEXTURE_BINDING,
                },
            view_formats: &[],
        });
        let view = raw.create_view(&wgpu::TextureViewDescriptor::default());
        Ok(Self {
            inner: Rc::new(Owned {
                raw,
                view,
                kind,
                memory: share,
            }),
        })
    }

    /// Size in bytes: whole rows.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.inner.memory.bytes()
    }

    pub(crate) fn view(&self) -> &wgpu::TextureView {
        &self.inner.view
    }

    /// Queues whole texels to be written from byte `offset` on.
    pub(crate) fn write(&self, queue: &wgpu::Queue, offset: u64, bytes: &[u8]) {
        let width = u64::from(TEXTURE_WIDTH);
        let (mut texel, mut rest) = (offset / TEXEL_BYTES, bytes);
        while !rest.is_empty() {
            let (x, y) = (texel % width, texel / width);
            let texels = rest.len() as u64 / TEXEL_BYTES;
            // The rest of a row, or all whole rows at once.
            let (columns, rows) = if x == 0 && texels >= width {
                (width, texels / width)
            } else {
                (texels.min(width - x), 1)
            };
            let (now, later) = rest.split_at((columns * rows * TEXEL_BYTES) as usize);
            queue.write_texture(
                wgpu::TexelCopyTextureInfo {
                    texture: &self.inner.raw,
                    mip_level: 0,
                    origin: wgpu::Origin3d {
                        x: x as u32,
                        y: y as u32,
                        z: 0,
                    },
                    aspect: wgpu::TextureAspect::All,
                },
                now,
                wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some((columns * TEXEL_BYTES) as u32),
                    rows_per_image: None,
                },
                wgpu::Extent3d {
                    width: columns as u32,
                    height: rows as u32,
                    depth_or_array_layers: 1,
                },
            );
            texel += columns * rows;
            rest = later;
        }
    }
}

/// From where kernels read numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// A storage buffer.
    Buffer,
    /// A texture that is bound as one to be sampled, though nobody does.
    SampledTexture,
    /// A texture that is bound as a storage texture.
    StorageTexture,
}

impl StoreKind {
    /// How it is bound.
    #[must_use]
    pub fn binding(self) -> Binding {
        match self {
            Self::Buffer => Binding::Read,
            Self::SampledTexture => Binding::SampledTexture,
            Self::StorageTexture => Binding::StorageTexture,
        }
    }
}

/// What holds numbers that kernels only read.
#[derive(Clone)]
pub enum Store {
    /// A storage buffer.
    Buffer(Buffer),
    /// A texture.
    Texture(Texture),
}

impl Store {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> StoreKind {
        match self {
            Self::Buffer(_) => StoreKind::Buffer,
            Self::Texture(texture) => texture.inner.kind,
        }
    }

    /// Size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Buffer(buffer) => buffer.size(),
            Self::Texture(texture) => texture.size(),
        }
    }

    /// All of it, as a binding.
    #[must_use]
    pub fn whole(&self) -> Bound<'_> {
        match self {
            Self::Buffer(buffer) => buffer.whole(),
            Self::Texture(texture) => Bound::Texture(texture),
        }
    }
}

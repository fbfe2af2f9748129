//! Integer textures, never sampled with a filter, of which kernels load and store four words at a time. Software
//! adapters load a texel faster than 16 bytes of a storage buffer.

use std::rc::Rc;

use crate::memory::{Memory, Share};
use crate::{Binding, Bound, Buffer, Caps, GpuError, Usage};

/// Texels per row: texel i is in row i / `TEXTURE_WIDTH` at column i % `TEXTURE_WIDTH`. Every adapter supports this
/// width, and kernels divide by it with a shift (`shaders/common/texture.wgsl`).
const TEXTURE_WIDTH: u32 = 1024;

/// Bytes of a texel: four 32-bit words.
const TEXEL_BYTES: u64 = 16;
pub(crate) const ROW_BYTES: u64 = TEXTURE_WIDTH as u64 * TEXEL_BYTES;

/// Four 32-bit words.
pub(crate) const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba32Uint;

/// A texture in GPU memory. Clones are cheap; dropping the last one frees the memory.
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
        // In a browser dropping the handle frees no memory.
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
        (kind, usage): (StoreKind, Usage),
    ) -> Result<Self, GpuError> {
        let rows = bytes.div_ceil(ROW_BYTES).max(1);
        let share = memory.share(label, rows * ROW_BYTES, caps.max_texture)?;
        let read = match kind {
            StoreKind::StorageTexture => wgpu::TextureUsages::STORAGE_BINDING,
            _ => wgpu::TextureUsages::TEXTURE_BINDING,
        };
        let written = match usage {
            Usage::Work => wgpu::TextureUsages::STORAGE_BINDING | wgpu::TextureUsages::COPY_SRC,
            Usage::Input | Usage::Ticks => wgpu::TextureUsages::empty(),
        };
        let usage = wgpu::TextureUsages::COPY_DST | read | written;
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
            usage,
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

    /// Queues a write of whole texels at byte `offset`.
    pub(crate) fn write(&self, queue: &wgpu::Queue, offset: u64, bytes: &[u8]) {
        for piece in pieces(offset, bytes.len() as u64) {
            let (target, layout) = (piece.of(self), piece.layout(0));
            queue.write_texture(target, bytes, layout, piece.size);
        }
    }
}

/// A rectangle of consecutive texels.
#[derive(Clone, Copy)]
struct Piece {
    origin: wgpu::Origin3d,
    size: wgpu::Extent3d,
    /// Bytes before it.
    begins: u64,
}

/// Divides `bytes` at byte `offset`, both whole texels, into the rest of a row, whole rows, and the start of a row.
fn pieces(offset: u64, bytes: u64) -> impl Iterator<Item = Piece> {
    let width = u64::from(TEXTURE_WIDTH);
    let (first, end) = (offset / TEXEL_BYTES, (offset + bytes) / TEXEL_BYTES);
    let mut texel = first;
    std::iter::from_fn(move || {
        let (x, y, rest) = (texel % width, texel / width, end - texel);
        let (columns, rows) = match (x, rest) {
            (_, 0) => return None,
            (0, _) if rest >= width => (width, rest / width),
            _ => (rest.min(width - x), 1),
        };
        let begins = (texel - first) * TEXEL_BYTES;
        texel += columns * rows;
        let origin = wgpu::Origin3d {
            x: x as u32,
            y: y as u32,
            z: 0,
        };
        let size = wgpu::Extent3d {
            width: columns as u32,
            height: rows as u32,
            depth_or_array_layers: 1,
        };
        Some(Piece {
            origin,
            size,
            begins,
        })
    })
}

impl Piece {
    fn of(self, texture: &Texture) -> wgpu::TexelCopyTextureInfo<'_> {
        wgpu::TexelCopyTextureInfo {
            texture: &texture.inner.raw,
            mip_level: 0,
            origin: self.origin,
            aspect: wgpu::TextureAspect::All,
        }
    }

    /// Its layout in a buffer, `offset` bytes further on.
    fn layout(self, offset: u64) -> wgpu::TexelCopyBufferLayout {
        wgpu::TexelCopyBufferLayout {
            offset: offset + self.begins,
            bytes_per_row: Some(ROW_BYTES as u32),
            rows_per_image: None,
        }
    }

    fn among(self, buffer: &Buffer, offset: u64) -> wgpu::TexelCopyBufferInfo<'_> {
        wgpu::TexelCopyBufferInfo {
            buffer: buffer.raw(),
            layout: self.layout(buffer.offset() + offset),
        }
    }
}

/// Copies bytes: whole texels if one side is a texture, and between equal offsets if both are.
pub(crate) fn copy(
    encoder: &mut wgpu::CommandEncoder,
    (source, source_offset): (&Store, u64),
    (target, target_offset): (&Store, u64),
    bytes: u64,
) {
    match (source, target) {
        (Store::Buffer(source), Store::Buffer(target)) => encoder.copy_buffer_to_buffer(
            source.raw(),
            source.offset() + source_offset,
            target.raw(),
            target.offset() + target_offset,
            bytes,
        ),
        (Store::Texture(source), Store::Buffer(target)) => {
            for piece in pieces(source_offset, bytes) {
                let to = piece.among(target, target_offset);
                encoder.copy_texture_to_buffer(piece.of(source), to, piece.size);
            }
        }
        (Store::Buffer(source), Store::Texture(target)) => {
            for piece in pieces(target_offset, bytes) {
                let from = piece.among(source, source_offset);
                encoder.copy_buffer_to_texture(from, piece.of(target), piece.size);
            }
        }
        (Store::Texture(source), Store::Texture(target)) => {
            debug_assert_eq!(source_offset, target_offset);
            for piece in pieces(source_offset, bytes) {
                encoder.copy_texture_to_texture(piece.of(source), piece.of(target), piece.size);
            }
        }
    }
}

/// The kind of memory that kernels read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// A storage buffer.
    Buffer,
    /// A texture bound as a sampled texture, read with `textureLoad`.
    SampledTexture,
    /// A texture bound as a storage texture.
    StorageTexture,
}

impl StoreKind {
    /// The binding of kernels that read it.
    #[must_use]
    pub fn binding(self) -> Binding {
        match self {
            Self::Buffer => Binding::Read,
            Self::SampledTexture => Binding::SampledTexture,
            Self::StorageTexture => Binding::StorageTexture,
        }
    }
}

/// A storage buffer or a texture.
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

    /// The whole of it, as a binding.
    #[must_use]
    pub fn whole(&self) -> Bound<'_> {
        match self {
            Self::Buffer(buffer) => buffer.whole(),
            Self::Texture(texture) => Bound::Texture(texture),
        }
    }
}

impl From<Buffer> for Store {
    fn from(buffer: Buffer) -> Self {
        Self::Buffer(buffer)
    }
}

//! Compiled kernels on disk, where drivers let us keep them: Vulkan's.

use std::fs;
use std::path::{Path, PathBuf};

use wgpu::{Device, Features, PipelineCache, PipelineCacheDescriptor};

/// What the driver compiled, and the file that keeps it.
pub struct PipelineFile {
    pub cache: PipelineCache,
    path: PathBuf,
    /// Bytes that the file had.
    read: usize,
}

impl PipelineFile {
    /// The cache of this adapter in `folder`; none where its driver has no such thing.
    pub fn open(device: &Device, adapter: &wgpu::AdapterInfo, folder: &Path) -> Option<Self> {
        if !device.features().contains(Features::PIPELINE_CACHE) {
            return None;
        }
        let path = folder.join(wgpu::util::pipeline_cache_key(adapter)?);
        let data = fs::read(&path).ok();
        let descriptor = PipelineCacheDescriptor {
            label: Some("pipelines"),
            data: data.as_deref(),
            fallback: true,
        };
        // SAFETY: the file is what `compiled` gave; wgpu checks that it is whole, and of which adapter and
        // driver, and starts with nothing where it does not fit.
        let cache = unsafe { device.create_pipeline_cache(&descriptor) };
        let read = data.map_or(0, |data| data.len());
        Some(Self { cache, path, read })
    }

    /// The file and what belongs into it, where something was compiled since.
    pub fn compiled(&self) -> Option<(&Path, Vec<u8>)> {
        let data = self.cache.get_data()?;
        (data.len() > self.read).then_some((&self.path, data))
    }
}

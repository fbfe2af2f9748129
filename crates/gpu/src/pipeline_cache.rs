//! Compiled pipelines on disk, for drivers that support it (Vulkan).

use std::fs;
use std::path::{Path, PathBuf};

use wgpu::{Device, Features, PipelineCache, PipelineCacheDescriptor};

/// The driver's compiled pipelines and their file.
pub struct PipelineFile {
    pub cache: PipelineCache,
    path: PathBuf,
    /// Size of the file when it was read.
    read: usize,
}

impl PipelineFile {
    /// The cache of this adapter in `folder`; `None` if its driver has none.
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
        // SAFETY: the file was written by `compiled`. wgpu checks that it is complete and belongs to this adapter and
        // driver, and otherwise starts with an empty cache.
        let cache = unsafe { device.create_pipeline_cache(&descriptor) };
        let read = data.map_or(0, |data| data.len());
        Some(Self { cache, path, read })
    }

    /// The file and its new content, if something was compiled since it was read.
    pub fn compiled(&self) -> Option<(&Path, Vec<u8>)> {
        let data = self.cache.get_data()?;
        (data.len() > self.read).then_some((&self.path, data))
    }
}

//! Compiles a kernel with the driver and reads its statistics.

use std::ptr;

use anyhow::{Context, Result};
use ash::vk;
use vitrine_gpu::Binding;

use crate::null_device::{NullDevice, text};

/// A compiled kernel.
pub struct Compiled {
    /// The compiler's figures, by their names.
    pub statistics: Vec<(String, f64)>,
    /// Texts by name: the machine code and what came before it.
    pub texts: Vec<(String, String)>,
}

impl Compiled {
    /// A statistic; 0 if this driver does not report it.
    pub fn statistic(&self, name: &str) -> f64 {
        let found = self.statistics.iter().find(|(known, _)| known == name);
        found.map_or(0.0, |(_, value)| *value)
    }

    /// The machine code.
    ///
    /// # Errors
    /// When the driver does not report it.
    pub fn machine_code(&self) -> Result<&str> {
        let found = self.texts.iter().find(|(name, _)| name == "Assembly");
        let (_, text) = found.context("the driver does not tell its machine code")?;
        Ok(text)
    }
}

impl NullDevice {
    /// Compiles the SPIR-V of a kernel with these bindings, as wgpu would.
    ///
    /// # Errors
    /// When the driver refuses it.
    pub fn compile(&self, words: &[u32], bindings: &[Binding]) -> Result<Compiled> {
        let device = &self.device;
        let entries: Vec<_> = (0..).zip(bindings).map(layout_entry).collect();
        let sets = vk::DescriptorSetLayoutCreateInfo::default().bindings(&entries);
        let code = vk::ShaderModuleCreateInfo::default().code(words);
        // SAFETY: descriptions live until the calls return; naga has validated the module.
        unsafe {
            let sets = [device.create_descriptor_set_layout(&sets, None)?];
            let layout = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
            let layout = device.create_pipeline_layout(&layout, None)?;
            let module = device.create_shader_module(&code, None)?;
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .flags(vk::PipelineShaderStageCreateFlags::ALLOW_VARYING_SUBGROUP_SIZE)
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(module)
                .name(c"main");
            let pipeline = vk::ComputePipelineCreateInfo::default()
                .flags(
                    vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR
                        | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR,
                )
                .stage(stage)
                .layout(layout);
            let made =
                device.create_compute_pipelines(vk::PipelineCache::null(), &[pipeline], None);
            let compiled = match made {
                Ok(pipelines) => {
                    let compiled = self.look_at(pipelines[0]);
                    device.destroy_pipeline(pipelines[0], None);
                    compiled
                }
                Err((_, error)) => Err(error).context("the driver refuses the kernel"),
            };
            device.destroy_shader_module(module, None);
            device.destroy_pipeline_layout(layout, None);
            device.destroy_descriptor_set_layout(sets[0], None);
            compiled
        }
    }

    /// # Safety
    /// The pipeline is this device's, and was made with both flags that capture.
    unsafe fn look_at(&self, pipeline: vk::Pipeline) -> Result<Compiled> {
        let first = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline);
        // SAFETY: as above; a compute pipeline has one executable.
        let statistics = unsafe { self.executables.get_pipeline_executable_statistics(&first) }?;
        let statistics = statistics.iter().map(|it| (text(&it.name), value(it)));
        let read = self.executables.fp();
        let read = read.get_pipeline_executable_internal_representations_khr;
        let device = self.device.handle();
        let mut count = 0;
        // SAFETY: as above; without an array it returns the count.
        unsafe { read(device, &first, &mut count, ptr::null_mut()) }.result()?;
        let mut found = vec![Default::default(); count as usize];
        // SAFETY: the array has this many elements; without buffers they return their lengths.
        unsafe { read(device, &first, &mut count, found.as_mut_ptr()) }.result()?;
        let mut texts: Vec<Vec<u8>> = found.iter().map(room).collect();
        for (of, text) in found.iter_mut().zip(&mut texts) {
            of.p_data = text.as_mut_ptr().cast();
        }
        // SAFETY: each now has as much memory as it asked for.
        unsafe { read(device, &first, &mut count, found.as_mut_ptr()) }.result()?;
        let texts = found.iter().zip(texts).map(|(of, mut bytes)| {
            let end = bytes.iter().position(|byte| *byte == 0);
            bytes.truncate(end.unwrap_or(bytes.len()));
            (text(&of.name), String::from_utf8_lossy(&bytes).into_owned())
        });
        Ok(Compiled {
            statistics: statistics.collect(),
            texts: texts.collect(),
        })
    }
}

fn room(of: &vk::PipelineExecutableInternalRepresentationKHR<'_>) -> Vec<u8> {
    vec![0; of.data_size]
}

fn layout_entry((binding, kind): (u32, &Binding)) -> vk::DescriptorSetLayoutBinding<'static> {
    let ty = match kind {
        Binding::Read | Binding::ReadWrite => vk::DescriptorType::STORAGE_BUFFER,
        Binding::Uniform => vk::DescriptorType::UNIFORM_BUFFER,
        Binding::SampledTexture => vk::DescriptorType::SAMPLED_IMAGE,
        Binding::StorageTexture | Binding::WrittenTexture => vk::DescriptorType::STORAGE_IMAGE,
    };
    vk::DescriptorSetLayoutBinding::default()
        .binding(binding)
        .descriptor_count(1)
        .descriptor_type(ty)
        .stage_flags(vk::ShaderStageFlags::COMPUTE)
}

fn value(of: &vk::PipelineExecutableStatisticKHR<'_>) -> f64 {
    use vk::PipelineExecutableStatisticFormatKHR as Format;
    // SAFETY: the format says which of them it is.
    unsafe {
        match of.format {
            Format::BOOL32 => f64::from(of.value.b32),
            Format::INT64 => of.value.i64 as f64,
            Format::UINT64 => of.value.u64 as f64,
            _ => of.value.f64,
        }
    }
}

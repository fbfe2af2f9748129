//! From WGSL to the SPIR-V that wgpu's Vulkan backend would hand to RADV.

use anyhow::{Context, Result, anyhow};
use naga::back::pipeline_constants::process_overrides;
use naga::back::spv::{self, Capability as C};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};

use vitrine_gpu::Binding;

use crate::unit::Unit;

/// A kernel, ready for a driver.
pub struct Spirv {
    /// The words of the module.
    pub words: Vec<u32>,
    /// What it binds, 0, 1, … of group 0.
    pub bindings: Vec<Binding>,
    /// The work of an iteration of its inner loop, if its text declares it.
    pub unit: Option<Unit>,
}

/// The entry point of every kernel.
const ENTRY: &str = "main";

/// What wgpu-hal 30 declares for a device with `SHADER_F16` and `SUBGROUP` on an adapter that has integer dot
/// products.
const CAPABILITIES: [C; 22] = [
    C::Shader,
    C::Matrix,
    C::Sampled1D,
    C::Image1D,
    C::ImageQuery,
    C::DerivativeControl,
    C::StorageImageExtendedFormats,
    C::SampledCubeArray,
    C::SampleRateShading,
    C::GroupNonUniform,
    C::GroupNonUniformVote,
    C::GroupNonUniformArithmetic,
    C::GroupNonUniformBallot,
    C::GroupNonUniformShuffle,
    C::GroupNonUniformShuffleRelative,
    C::GroupNonUniformQuad,
    C::Float16,
    C::DotProductInputAllKHR,
    C::DotProductInput4x8BitKHR,
    C::DotProductInput4x8BitPackedKHR,
    C::DotProductKHR,
    C::Int8,
];

/// The SPIR-V of a kernel's WGSL.
///
/// # Errors
/// When naga refuses the text.
pub fn of_wgsl(wgsl: &str) -> Result<Spirv> {
    let refused = |text: String| anyhow!("naga refuses it: {text}");
    let module = naga::front::wgsl::parse_str(wgsl);
    let module = module.map_err(|error| refused(error.emit_to_string(wgsl)))?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::all());
    validator
        .subgroup_stages(ShaderStages::all())
        .subgroup_operations(SubgroupOperationSet::all());
    let info = validator.validate(&module);
    let info = info.map_err(|error| refused(error.emit_to_string(wgsl)))?;
    let unit = Unit::of_module(&module);
    let bindings = bindings(&module);
    let entry = Some((naga::ShaderStage::Compute, ENTRY));
    let (module, info) = process_overrides(&module, &info, entry, &Default::default())
        .context("naga cannot fill in the pipeline's constants")?;
    let pipeline = spv::PipelineOptions {
        entry_point: ENTRY.to_owned(),
        shader_stage: naga::ShaderStage::Compute,
    };
    let words = spv::write_vec(&module, &info, &options(), Some(&pipeline))
        .context("naga cannot write it as SPIR-V")?;
    Ok(Spirv {
        words,
        bindings,
        unit,
    })
}

/// Holes among the numbers are filled: a layout may have more than a kernel uses.
fn bindings(module: &naga::Module) -> Vec<Binding> {
    let mut bindings = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(at) = &variable.binding else {
            continue;
        };
        let kind = match (variable.space, &module.types[variable.ty].inner) {
            (naga::AddressSpace::Uniform, _) => Binding::Uniform,
            (naga::AddressSpace::Handle, naga::TypeInner::Image { class, .. }) => match class {
                naga::ImageClass::Storage { .. } => Binding::StorageTexture,
                _ => Binding::SampledTexture,
            },
            _ => Binding::ReadWrite,
        };
        let at = at.binding as usize;
        if bindings.len() <= at {
            bindings.resize(at + 1, Binding::ReadWrite);
        }
        bindings[at] = kind;
    }
    bindings
}

/// `wgpu-hal/src/vulkan/adapter.rs`, `device_from_raw`, for RADV: it has Vulkan 1.3, robust buffers
/// (`VK_EXT_robustness2`) and robust images. Workgroup memory is not zeroed, as `vitrine-gpu` asks for.
fn options() -> spv::Options<'static> {
    spv::Options {
        lang_version: (1, 6),
        flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
        capabilities: Some(CAPABILITIES.into_iter().collect()),
        bounds_check_policies: BoundsCheckPolicies {
            index: BoundsCheckPolicy::Restrict,
            buffer: BoundsCheckPolicy::Unchecked,
            image_load: BoundsCheckPolicy::Unchecked,
            binding_array: BoundsCheckPolicy::Unchecked,
        },
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: true,
        use_storage_input_output_16: true,
        ..Default::default()
    }
}

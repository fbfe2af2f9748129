//! A Vulkan device of RADV whose GPU need not be there: it compiles, and runs nothing.

use std::ffi::{CStr, c_char};
use std::ptr;

use anyhow::{Context, Result, ensure};
use ash::{ext, khr, vk};
use vitrine_gpu::Caps;

/// The device. It is never destroyed: the process that has it ends with its work.
pub struct NullDevice {
    /// Unloads the library when it goes.
    _entry: ash::Entry,
    pub(crate) device: ash::Device,
    pub(crate) executables: khr::pipeline_executable_properties::Device,
    /// As it calls itself.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// What wgpu would say that it can do.
    pub caps: Caps,
}

/// The largest binding and buffer of wgpu on Linux with Mesa.
const MOST_BYTES: u64 = i32::MAX as u64;

impl NullDevice {
    /// The only device that this process sees.
    ///
    /// # Errors
    /// When there is none, or it is a real device.
    pub fn open() -> Result<Self> {
        // SAFETY: the library is the system's Vulkan loader, and outlives everything that comes from it.
        let entry = unsafe { ash::Entry::load() }.context("there is no Vulkan loader")?;
        let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
        let instance = vk::InstanceCreateInfo::default().application_info(&application);
        // SAFETY: the description lives until the call returns.
        let instance = unsafe { entry.create_instance(&instance, None) };
        let instance = instance.context("the driver cannot be loaded")?;
        // SAFETY: the instance is valid.
        let devices = unsafe { instance.enumerate_physical_devices() }?;
        let physical = *devices.first().context("the driver has no device")?;

        let mut driver = vk::PhysicalDeviceDriverProperties::default();
        let mut subgroups = vk::PhysicalDeviceSubgroupSizeControlProperties::default();
        let mut properties = vk::PhysicalDeviceProperties2::default()
            .push_next(&mut driver)
            .push_next(&mut subgroups);
        // SAFETY: the chain lives until the call returns.
        unsafe { instance.get_physical_device_properties2(physical, &mut properties) };
        let properties = properties.properties;
        let name = text(&properties.device_name);
        ensure!(
            name.contains("Null hardware"),
            "the driver has a real device, \"{name}\", and not the one that only compiles"
        );
        let device = logical_device(&instance, physical)?;
        Ok(Self {
            executables: khr::pipeline_executable_properties::Device::new(&instance, &device),
            device,
            name,
            driver: format!(
                "{} ({})",
                text(&driver.driver_info),
                text(&driver.driver_name)
            ),
            caps: caps(&properties.limits, &subgroups),
            _entry: entry,
        })
    }
}

/// With all that the driver offers, as wgpu asks for what matters to code.
fn logical_device(instance: &ash::Instance, physical: vk::PhysicalDevice) -> Result<ash::Device> {
    let mut v11 = vk::PhysicalDeviceVulkan11Features::default();
    let mut v12 = vk::PhysicalDeviceVulkan12Features::default();
    let mut v13 = vk::PhysicalDeviceVulkan13Features::default();
    let mut robustness = vk::PhysicalDeviceRobustness2FeaturesEXT::default();
    let mut executables = vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default();
    let mut features = vk::PhysicalDeviceFeatures2::default()
        .push_next(&mut v11)
        .push_next(&mut v12)
        .push_next(&mut v13)
        .push_next(&mut robustness)
        .push_next(&mut executables);
    // SAFETY: the chain lives until the call returns.
    unsafe { instance.get_physical_device_features2(physical, &mut features) };
    let mut features = vk::PhysicalDeviceFeatures2::default().features(features.features);
    robustness.null_descriptor = vk::FALSE;
    // The chain that they were in is gone.
    for next in [
        &mut v11.p_next,
        &mut v12.p_next,
        &mut v13.p_next,
        &mut robustness.p_next,
        &mut executables.p_next,
    ] {
        *next = ptr::null_mut();
    }
    let queue = [vk::DeviceQueueCreateInfo::default().queue_priorities(&[1.0])];
    let extensions = [
        khr::pipeline_executable_properties::NAME.as_ptr(),
        ext::robustness2::NAME.as_ptr(),
    ];
    let description = vk::DeviceCreateInfo::default()
        .queue_create_infos(&queue)
        .enabled_extension_names(&extensions)
        .push_next(&mut features)
        .push_next(&mut v11)
        .push_next(&mut v12)
        .push_next(&mut v13)
        .push_next(&mut robustness)
        .push_next(&mut executables);
    // SAFETY: the chain lives until the call returns; features are those that the device has.
    let device = unsafe { instance.create_device(physical, &description, None) };
    device.context("the driver gives no device")
}

/// As wgpu-hal makes limits of Vulkan's.
fn caps(
    limits: &vk::PhysicalDeviceLimits,
    subgroups: &vk::PhysicalDeviceSubgroupSizeControlProperties<'_>,
) -> Caps {
    let (least, most) = (subgroups.min_subgroup_size, subgroups.max_subgroup_size);
    let storage = MOST_BYTES.min(limits.max_storage_buffer_range.into());
    Caps {
        f16: true,
        subgroups: true,
        subgroup_size: (least == most).then_some(least),
        timestamps: true,
        max_storage_binding: storage,
        max_weight_binding: storage,
        max_uniform_binding: MOST_BYTES.min(limits.max_uniform_buffer_range.into()),
        max_storage_buffers: limits.max_per_stage_descriptor_storage_buffers,
        max_workgroup_lanes: limits
            .max_compute_work_group_invocations
            .min(limits.max_compute_work_group_size[0]),
        max_workgroup_memory: limits.max_compute_shared_memory_size,
        // Nothing of a GPU's is in a texture.
        max_texture: 0,
        max_buffer: MOST_BYTES,
    }
}

/// A text that the driver wrote into an array.
pub(crate) fn text(array: &[c_char]) -> String {
    let bytes: Vec<u8> = array.iter().map(|byte| *byte as u8).collect();
    CStr::from_bytes_until_nul(&bytes)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

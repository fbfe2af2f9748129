use crate::texture;

/// The capabilities of an adapter that decide which kernels run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caps {
    /// `shader-f16`.
    pub f16: bool,
    /// Subgroup operations in compute shaders.
    pub subgroups: bool,
    /// Subgroup size, if it is known and constant.
    pub subgroup_size: Option<u32>,
    /// Timestamp queries.
    pub timestamps: bool,
    /// Largest storage binding in bytes.
    pub max_storage_binding: u64,
    /// Largest part of a weight matrix in bytes; larger matrices are split by rows.
    pub max_weight_binding: u64,
    /// Largest uniform binding in bytes.
    pub max_uniform_binding: u64,
    /// Maximum storage buffers of a kernel.
    pub max_storage_buffers: u32,
    /// Maximum invocations of a workgroup.
    pub max_workgroup_lanes: u32,
    /// Maximum bytes of workgroup memory.
    pub max_workgroup_memory: u32,
    /// Largest [`Texture`](crate::Texture) in bytes.
    pub max_texture: u64,
    /// Largest buffer in bytes.
    pub max_buffer: u64,
}

impl Caps {
    pub(crate) fn of(adapter: &wgpu::Adapter) -> Self {
        let features = adapter.features();
        let limits = adapter.limits();
        let caps = Self {
            f16: features.contains(wgpu::Features::SHADER_F16),
            subgroups: false,
            subgroup_size: None,
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            max_storage_binding: limits.max_storage_buffer_binding_size,
            max_weight_binding: limits
                .max_storage_buffer_binding_size
                .min(limits.max_buffer_size),
            max_uniform_binding: limits.max_uniform_buffer_binding_size,
            max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
            max_workgroup_lanes: limits
                .max_compute_invocations_per_workgroup
                .min(limits.max_compute_workgroup_size_x),
            max_workgroup_memory: limits.max_compute_workgroup_storage_size,
            max_texture: u64::from(limits.max_texture_dimension_2d) * texture::ROW_BYTES,
            max_buffer: limits.max_buffer_size,
        };
        if features.contains(wgpu::Features::SUBGROUP) {
            caps.with_subgroups(&adapter.get_info())
        } else {
            caps
        }
    }

    /// The same with subgroups of the sizes that the adapter reports.
    pub(crate) fn with_subgroups(self, adapter: &wgpu::AdapterInfo) -> Self {
        let size = adapter.subgroup_min_size;
        let one_size = size > 0 && size == adapter.subgroup_max_size;
        Self {
            subgroups: true,
            subgroup_size: one_size.then_some(size),
            ..self
        }
    }

    /// The names of the available features, for people.
    #[must_use]
    pub fn feature_names(&self) -> Vec<String> {
        [
            (self.f16, "f16"),
            (self.subgroups, "subgroups"),
            (self.timestamps, "timestamps"),
        ]
        .into_iter()
        .filter(|(present, _)| *present)
        .map(|(_, name)| name.to_owned())
        .collect()
    }
}

//! Devices, shaders, buffers, recordings and readback on wgpu.

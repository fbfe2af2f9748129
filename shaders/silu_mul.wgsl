// y[t, i] = silu(gate[t, i]) · up[t, i],  silu(g) = g / (1 + exp(-g))          (arXiv 2002.05202)
//
// gate_up is (tokens, GATE_UP_STRIDE): the gate at 0, up at UP_OFFSET.
@group(0) @binding(_) var<storage, read> gate_up: array<f32>;
@group(0) @binding(_) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.x * LANES + lane;
    if (i >= N) {
        return;
    }
    let row = group.y * GATE_UP_STRIDE;
    let gate = gate_up[row + i];
    y[group.y * Y_STRIDE + i] = gate / (1.0 + exp(-gate)) * gate_up[row + UP_OFFSET + i];
}

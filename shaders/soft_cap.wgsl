// x[i] = CAP · tanh(x[i] / CAP): keeps logits between -CAP and CAP   (Gemma, arXiv 2408.00118)
@group(0) @binding(_) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.x * LANES + lane;
    if (i < N) {
        // Beyond ±10 the tangent is 1 in f32, and drivers compute it by an exponential that would
        // overflow.
        x[i] = CAP * tanh(clamp(x[i] / CAP, -10.0, 10.0));
    }
}

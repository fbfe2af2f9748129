// x[t, i] = CAP · tanh(x[t, i] / CAP): keeps logits between -CAP and CAP   (Gemma, arXiv 2408.00118)
//
// One row of workgroups per row of x; STRIDE values from one row to the next.

// [rows, STRIDE]
@binding(x) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.x * LANES + lane;
    if (i < N) {
        let at = group.y * STRIDE + i;
        // Beyond ±10 tanh is ±1 in f32, and drivers compute it with an exponential that would overflow.
        x[at] = CAP * tanh(clamp(x[at] / CAP, -10.0, 10.0));
    }
}

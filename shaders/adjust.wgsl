// x[t, i] = x[t, i] · factor[i] + offset[i], for all tokens of the pass, in place.
//
// Scales and ablates heads, and adds a steering vector to the residual stream.
#import pairs

// [tokens, STRIDE / 2]
@binding(x) var<storage, read_write> x: array<Pair>;
// [(N + 1) / 2] each.
@binding(factor) var<storage, read> factor: array<vec2<f32>>;
@binding(offset) var<storage, read> offset: array<vec2<f32>>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.x * LANES + lane;
    if (i >= (N + 1u) / 2u) {
        return;
    }
    let at = group.y * (STRIDE / 2u) + i;
    x[at] = to_pair(from_pair(x[at]) * factor[i] + offset[i]);
}

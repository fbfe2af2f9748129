// y[t, i] = act(gate[t, i]) · up[t, i], or without GATED y[t, i] = act(x[t, i])  (arXiv 2002.05202)
//
// With GATED a row of x has the gate at 0 and up at UP_OFFSET.
#import act, pairs

// [tokens, X_STRIDE / 2]
@binding(x) var<storage, read> x: array<Pair>;
// [tokens, Y_STRIDE / 2]
@binding(y) var<storage, read_write> y: array<Pair>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.x * LANES + lane;
    if (i >= (N + 1u) / 2u) {
        return;
    }
    let at = group.y * (X_STRIDE / 2u) + i;
    var values = act(from_pair(x[at]));
#if GATED
    values *= from_pair(x[at + UP_OFFSET / 2u]);
#end
    y[group.y * (Y_STRIDE / 2u) + i] = to_pair(values);
}

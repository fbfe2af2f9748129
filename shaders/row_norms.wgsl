// norms[r] = (‖x[r]‖, ‖x[r] - x[r - 1]‖), Euclidean; the second only with DIFFERENCES, and 0 for
// the first row.
//
// One workgroup per row. Rows are contiguous in blocks of PER_BLOCK.
#import pairs, reduce

// [blocks, BLOCK_STRIDE / 2]
@binding(x) var<storage, read> x: array<Pair>;
// [rows]
@binding(norms) var<storage, read_write> norms: array<vec2<f32>>;

fn first_pair(row: u32) -> u32 {
    return (row / PER_BLOCK) * (BLOCK_STRIDE / 2u) + (row % PER_BLOCK) * (N / 2u);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    let at = first_pair(row);
    var squares = 0.0;
#if DIFFERENCES
    var changes = 0.0;
#end
    for (var i = lane; i < N / 2u; i += LANES) {
        let values = from_pair(x[at + i]);
        squares += dot(values, values);
#if DIFFERENCES
        if (row > 0u) {
            let change = values - from_pair(x[first_pair(row - 1u) + i]);
            changes += dot(change, change);
        }
#end
    }
    let norm = sqrt(workgroup_sum(lane, squares));
#if DIFFERENCES
    let change = sqrt(workgroup_sum(lane, changes));
#else
    let change = 0.0;
#end
    if (lane == 0u) {
        norms[row] = vec2<f32>(norm, change);
    }
}

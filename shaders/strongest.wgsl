// strongest[r, i] = (x[r, id], id) of the K values of row r that are farthest from 0, the farthest
// first; of equal ones the lowest id.
//
// One workgroup per row: K rounds, each of which looks for the best that is behind the last one.
#import pairs

@group(0) @binding(_) var<storage, read> x: array<Pair>;
@group(0) @binding(_) var<storage, read_write> strongest: array<vec2<u32>>;

const NOBODY: u32 = 0xFFFFFFFFu;

// A value, how far it is from 0 (below 0 for nobody), and its place.
struct Found {
    value: f32,
    size: f32,
    id: u32,
}

var<workgroup> scratch: array<Found, LANES>;

fn is_before(a: Found, b: Found) -> bool {
    return a.size > b.size || (a.size == b.size && a.id < b.id);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let at = group.x * (ROW_STRIDE / 2u);
    var last = Found(0.0, 3.4e38, 0u);
    var first_round = true;
    for (var round = 0u; round < K; round++) {
        var best = Found(0.0, -1.0, NOBODY);
        for (var i = lane; i < N; i += LANES) {
            let pair = from_pair(x[at + i / 2u]);
            let value = select(pair.x, pair.y, i % 2u == 1u);
            let found = Found(value, abs(value), i);
            if ((first_round || is_before(last, found)) && is_before(found, best)) {
                best = found;
            }
        }
        scratch[lane] = best;
        workgroupBarrier();
        for (var width = LANES / 2u; width > 0u; width /= 2u) {
            if (lane < width && is_before(scratch[lane + width], scratch[lane])) {
                scratch[lane] = scratch[lane + width];
            }
            workgroupBarrier();
        }
        last = scratch[0];
        first_round = false;
        if (lane == 0u) {
            strongest[group.x * K + round] = vec2<u32>(bitcast<u32>(last.value), last.id);
        }
        // The next round writes the scratch.
        workgroupBarrier();
    }
}

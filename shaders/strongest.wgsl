// strongest[r, i] = (x[r, id], id) of the K values of row r that are farthest from 0, the farthest
// first; of equal ones the lowest id.
//
// One workgroup per row. Each lane holds the strongest of what it reads; in each of K rounds the best
// of the lanes is written, and the lane that held it looks for its next.
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

// What each lane holds, and who holds the best.
var<workgroup> sizes: array<f32, LANES>;
var<workgroup> ids: array<u32, LANES>;
var<workgroup> holder: u32;

fn is_before(a: Found, b: Found) -> bool {
    return a.size > b.size || (a.size == b.size && a.id < b.id);
}

// The strongest of the pairs of a lane that comes after `last`.
fn next_of(row: u32, lane: u32, last: Found) -> Found {
    var best = Found(0.0, -1.0, NOBODY);
    for (var i = lane; i < (N + 1u) / 2u; i += LANES) {
        let pair = from_pair(x[row * (ROW_STRIDE / 2u) + i]);
        for (var half = 0u; half < 2u; half++) {
            let value = select(pair.x, pair.y, half == 1u);
            let found = Found(value, abs(value), 2u * i + half);
            if (found.id < N && is_before(last, found) && is_before(found, best)) {
                best = found;
            }
        }
    }
    return best;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    // Before all of them.
    var mine = next_of(group.x, lane, Found(0.0, 3.4e38, 0u));
    sizes[lane] = mine.size;
    ids[lane] = mine.id;
    for (var round = 0u; round < K; round++) {
        workgroupBarrier();
        // One lane looks for all: on a processor each of them would take as long.
        if (lane == 0u) {
            var best = 0u;
            var size = sizes[0];
            for (var other = 1u; other < LANES; other++) {
                let rival = sizes[other];
                if (rival > size || (rival == size && ids[other] < ids[best])) {
                    best = other;
                    size = rival;
                }
            }
            holder = best;
        }
        workgroupBarrier();
        if (lane == holder) {
            strongest[group.x * K + round] = vec2<u32>(bitcast<u32>(mine.value), mine.id);
            if (mine.id != NOBODY) {
                mine = next_of(group.x, lane, mine);
                sizes[lane] = mine.size;
                ids[lane] = mine.id;
            }
        }
    }
}

// strongest[r, i] = (x[r, id], id) of the K values of row r with the largest magnitudes, largest first; among equal
// ones the lowest id first.
//
// One workgroup per row. Each invocation holds the three strongest of its values; in each of K rounds the best of all
// is written, and an invocation that has none left searches its next three.
#import pairs

// [rows, ROW_STRIDE / 2]
@binding(x) var<storage, read> x: array<Pair>;
// [rows, K]: the bits of the value, and its id.
@binding(strongest) var<storage, read_write> strongest: array<vec2<u32>>;

const NOBODY: u32 = 0xFFFFFFFFu;

// Magnitudes, negative for none, and indices; the strongest first.
struct Held {
    sizes: vec3<f32>,
    ids: vec3<u32>,
}

// The first value of each invocation, and the invocation with the best.
var<workgroup> sizes: array<f32, LANES>;
var<workgroup> ids: array<u32, LANES>;
var<workgroup> holder: u32;

fn pair_at(row: u32, i: u32) -> vec2<f32> { return from_pair(x[row * (ROW_STRIDE / 2u) + i]); }

// Inserts one more, whose id is above all held ids.
fn with_one_more(held: Held, size: f32, id: u32) -> Held {
    let above = vec3<f32>(size) > held.sizes;
    return Held(
        vec3<f32>(
            select(held.sizes.x, size, above.x),
            select(select(held.sizes.y, size, above.y), held.sizes.x, above.x),
            select(select(held.sizes.z, size, above.z), held.sizes.y, above.y),
        ),
        vec3<u32>(
            select(held.ids.x, id, above.x),
            select(select(held.ids.y, id, above.y), held.ids.x, above.x),
            select(select(held.ids.z, id, above.z), held.ids.y, above.y),
        ),
    );
}

// The strongest of an invocation that come after the one with this magnitude and index.
fn held_after(row: u32, lane: u32, last_size: f32, last_id: u32) -> Held {
    var held = Held(vec3<f32>(-1.0), vec3<u32>(NOBODY));
    for (var i = lane; i < (N + 1u) / 2u; i += LANES) {
        let size = abs(pair_at(row, i));
        let id = vec2<u32>(2u * i, 2u * i + 1u);
        let is_equal = size == vec2<f32>(last_size);
        let is_after = (size < vec2<f32>(last_size)) | (is_equal & (id > vec2<u32>(last_id)));
        let left = select(vec2<f32>(-1.0), size, is_after & (id < vec2<u32>(N)));
        held = with_one_more(held, left.x, id.x);
        held = with_one_more(held, left.y, id.y);
    }
    return held;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    // Starts before all of them.
    var mine = held_after(row, lane, 3.4e38, 0u);
    sizes[lane] = mine.sizes.x;
    ids[lane] = mine.ids.x;
    for (var round = 0u; round < K; round++) {
        workgroupBarrier();
        // One invocation searches for all: on a CPU each of them would take as long.
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
            let size = mine.sizes.x;
            let id = mine.ids.x;
            var value = 0.0;
            if (id != NOBODY) {
                let pair = pair_at(row, id / 2u);
                value = select(pair.x, pair.y, id % 2u == 1u);
                mine = Held(vec3<f32>(mine.sizes.yz, -1.0), vec3<u32>(mine.ids.yz, NOBODY));
                if (mine.ids.x == NOBODY) {
                    mine = held_after(row, lane, size, id);
                }
                sizes[lane] = mine.sizes.x;
                ids[lane] = mine.ids.x;
            }
            strongest[row * K + round] = vec2<u32>(bitcast<u32>(value), id);
        }
    }
}

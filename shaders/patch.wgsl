// x[t, FROM + i] = values[slot, i] for the tokens whose position has a slot, in place.
//
// With INSTEAD_OF x is a sum of which the summand `part` is replaced: x[t, i] += values[slot, i] - part[t, i].
#import pairs, step

// [tokens, STRIDE / 2]
@binding(x) var<storage, read_write> x: array<Pair>;
// [positions]: NOTHING for unchanged positions, and beyond its end.
@binding(slots) var<storage, read> slots: array<u32>;
// [slots, N_PAIRS]
@binding(values) var<storage, read> values: array<vec2<f32>>;
// The tokens of the pass and the page tables.
@binding(step) var<storage, read> step: Step;
// [tokens, STRIDE / 2]
@binding(part) var<storage, read> part: array<Pair>;

const NOTHING: u32 = 0xFFFFFFFFu;
const N_PAIRS: u32 = (N + 1u) / 2u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.x * LANES + lane;
    let position = step.rows[group.y].position;
    if (i >= N_PAIRS || position >= arrayLength(&slots)) {
        return;
    }
    let slot = slots[position];
    if (slot == NOTHING) {
        return;
    }
    let row = group.y * (STRIDE / 2u);
    let value = values[slot * N_PAIRS + i];
#if INSTEAD_OF
    x[row + i] = to_pair(from_pair(x[row + i]) + value - from_pair(part[row + i]));
#else
    x[row + FROM / 2u + i] = to_pair(value);
#end
}

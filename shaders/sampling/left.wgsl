// The tokens that remain to draw from, and their total weight.
#import key, sampling/digits, sampling/mass, sampling/scaled

// A token remains if its key is above `key`, or at `key` and its id at most `id`, and its mass is at least `mass`.
struct Limits {
    key: u32,
    id: u32,
    mass: vec2<u32>,
}

var<workgroup> left: atomic<u32>;

fn is_left(limits: Limits, key: u32, id: u32, mass: vec2<u32>) -> bool {
    return (key > limits.key || (key == limits.key && id <= limits.id)) && !less64(mass, limits.mass);
}

// The mass of all remaining tokens; `left` is their number.
fn total_mass(place: Place, lane: u32, limits: Limits, highest: f32) -> vec2<u32> {
    if (lane == 0u) {
        atomicStore(&left, 0u);
    }
    clear(lane);
    var sum = vec2<u32>(0u);
    var tokens_left = 0u;
    for (var id = lane; id < N; id += LANES) {
        let logit = scaled(place, id);
        let mass = mass_of(logit, highest);
        if (is_left(limits, key_of(logit), id, mass)) {
            sum = add64(sum, mass);
            tokens_left += 1u;
        }
    }
    atomicAdd(&left, tokens_left);
    add_to_digit(lane, sum);
    workgroupBarrier();
    sum_up(lane);
    let total = workgroupUniformLoad(&sums[DIGITS - 1u]);
    return total;
}

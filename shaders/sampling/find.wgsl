// The token at which the cumulative weight passes a goal. It is found digit by digit: weights are summed by the
// leading digit of a key, the digit where the sum passes the goal is kept, and the search continues with the next
// digit.
#import key, sampling/digits, sampling/left, sampling/mass, sampling/scaled

// The weights that `find` sums, and the tokens.
struct Search {
    limits: Limits,
    // Only tokens of this key, summed by id; otherwise summed by key.
    by_id: bool,
    only_key: bool,
    key: u32,
    // Every token weighs 1.
    by_count: bool,
}

// A key or an id, the weight of all below it, and its own weight.
struct Found {
    value: u32,
    before: vec2<u32>,
    weight: vec2<u32>,
}

var<workgroup> found: Found;

// The lowest key (or id) whose cumulative weight exceeds `goal`.
fn find(place: Place, lane: u32, search: Search, goal: vec2<u32>, highest: f32) -> Found {
    var prefix = 0u;
    var before = vec2<u32>(0u);
    var weight = vec2<u32>(0u);
    for (var shift = select(24u, ID_SHIFT, search.by_id); ; shift -= 8u) {
        clear(lane);
        for (var id = lane; id < N; id += LANES) {
            let logit = scaled(place, id);
            let key = key_of(logit);
            let value = select(key, id, search.by_id);
            if ((value >> shift) >> 8u != prefix || (search.only_key && key != search.key)) {
                continue;
            }
            var weight = vec2<u32>(1u, 0u);
            if (!search.by_count) {
                weight = mass_of(logit, highest);
            }
            if (is_left(search.limits, key, id, weight)) {
                add_to_digit((value >> shift) & 255u, weight);
            }
        }
        workgroupBarrier();
        sum_up(lane);
        var below = vec2<u32>(0u);
        if (lane > 0u) {
            below = sums[lane - 1u];
        }
        let from_here = add64(before, below);
        let to_here = add64(before, sums[lane]);
        if (less64(goal, to_here) && !less64(goal, from_here)) {
            found = Found((prefix << 8u) | lane, from_here, subtract64(to_here, from_here));
        }
        let digit = workgroupUniformLoad(&found);
        prefix = digit.value;
        before = digit.before;
        weight = digit.weight;
        if (shift == 0u) {
            break;
        }
    }
    return Found(prefix, before, weight);
}

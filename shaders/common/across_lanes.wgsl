// What the LANES invocations of a workgroup have together, four values at a time. All invocations call these
// together, and all get the result. LANES is a multiple of 64.
#import online_softmax

var<workgroup> lane_values: array<vec4<f32>, LANES>;
// What is known of the scores of each of 4 · ROW_GROUPS queries.
var<workgroup> row_sums: array<Sums, 4u * ROW_GROUPS>;

fn highest_of_lanes(lane: u32, mine: vec4<f32>) -> vec4<f32> {
    lane_values[lane] = mine;
    workgroupBarrier();
    var highest = mine;
    for (var i = lane % 8u; i < LANES; i += 8u) {
        highest = max(highest, lane_values[i]);
    }
    workgroupBarrier();
    lane_values[lane] = highest;
    workgroupBarrier();
    for (var i = 0u; i < 8u; i++) {
        highest = max(highest, lane_values[i]);
    }
    // The memory may be used again at once.
    workgroupBarrier();
    return highest;
}

fn sum_of_lanes(lane: u32, mine: vec4<f32>) -> vec4<f32> {
    lane_values[lane] = mine;
    workgroupBarrier();
    var sum = vec4<f32>(0.0);
    for (var i = lane % 8u; i < LANES; i += 8u) {
        sum += lane_values[i];
    }
    workgroupBarrier();
    lane_values[lane] = sum;
    workgroupBarrier();
    sum = vec4<f32>(0.0);
    for (var i = 0u; i < 8u; i++) {
        sum += lane_values[i];
    }
    workgroupBarrier();
    return sum;
}

// Puts together what the invocations know of four queries.
fn add_sums(lane: u32, first_row: u32, softmax: Softmax) {
    let total = sum_of_lanes(lane, softmax.total);
#if STATS
    let spread = sum_of_lanes(lane, softmax.spread);
    let first_score = highest_of_lanes(lane, softmax.first_score);
    let best_key = -highest_of_lanes(lane, -softmax.best_key);
#else
    let spread = vec4<f32>(0.0);
    let first_score = vec4<f32>(LOWEST);
    let best_key = vec4<f32>(NO_KEY);
#end
    let r = lane % 4u;
    if (lane < 4u) {
        row_sums[first_row + r] = Sums(softmax.highest[r], total[r], spread[r], first_score[r], best_key[r]);
    }
}

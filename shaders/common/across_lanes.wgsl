// Reductions over a workgroup of `attention/token`, for four queries at a time. All invocations call these together
// and receive the result. Scratch is column `g` of `weights`.
#import online_softmax

// Statistics of the scores of each query.
var<workgroup> row_sums: array<Sums, 4u * ROW_GROUPS>;

fn highest_of_lanes(lane: u32, g: u32, mine: vec4<f32>) -> vec4<f32> {
    weights[lane][g] = mine;
    workgroupBarrier();
    var highest = mine;
    for (var i = lane % 8u; i < LANES; i += 8u) {
        highest = max(highest, weights[i][g]);
    }
    workgroupBarrier();
    weights[lane][g] = highest;
    workgroupBarrier();
    for (var i = 0u; i < 8u; i++) {
        highest = max(highest, weights[i][g]);
    }
    workgroupBarrier();
    return highest;
}

fn sum_of_lanes(lane: u32, g: u32, mine: vec4<f32>) -> vec4<f32> {
    weights[lane][g] = mine;
    workgroupBarrier();
    var sum = vec4<f32>(0.0);
    for (var i = lane % 8u; i < LANES; i += 8u) {
        sum += weights[i][g];
    }
    workgroupBarrier();
    weights[lane][g] = sum;
    workgroupBarrier();
    sum = vec4<f32>(0.0);
    for (var i = 0u; i < 8u; i++) {
        sum += weights[i][g];
    }
    workgroupBarrier();
    return sum;
}

// Reduces the invocations' statistics of four queries into `row_sums`.
fn store_sums(lane: u32, g: u32, softmax: Softmax) {
    let total = sum_of_lanes(lane, g, softmax.total);
#if STATS
    let spread = sum_of_lanes(lane, g, softmax.spread);
    let first_score = highest_of_lanes(lane, g, softmax.first_score);
    let best_key = -highest_of_lanes(lane, g, -softmax.best_key);
#else
    let spread = vec4<f32>(0.0);
    let first_score = vec4<f32>(LOWEST);
    let best_key = vec4<f32>(NO_KEY);
#end
    let r = lane % 4u;
    if (lane < 4u) {
        row_sums[4u * g + r] = Sums(softmax.highest[r], total[r], spread[r], first_score[r], best_key[r]);
    }
}

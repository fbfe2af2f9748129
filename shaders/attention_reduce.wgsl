// Puts together what `attention` left of the stretches of a token's keys. One workgroup per token and
// query head; lanes are dimensions.
@group(0) @binding(_) var<storage, read> parts: array<f32>;
#import attention

fn sums_at(at: u32) -> Sums {
    return Sums(parts[at], parts[at + 1u], parts[at + 2u], parts[at + 3u], bitcast<u32>(parts[at + 4u]));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let position = step.rows[group.y].position;
    let at = (group.y * HEADS + head) * SPLITS * PARTIAL;
    var sums = sums_at(at + HEAD_DIM);
    var splits = 1u;
    while (splits < SPLITS) {
        let keys = keys_of(position, splits);
        if (keys.x >= keys.y) {
            break;
        }
        sums = joined(sums, sums_at(at + splits * PARTIAL + HEAD_DIM));
        splits++;
    }
    for (var i = lane; i < HEAD_DIM; i += LANES) {
        mixed[i] = 0.0;
    }
    for (var split = 0u; split < splits; split++) {
        let part = at + split * PARTIAL;
        let share = exp(parts[part + HEAD_DIM] - sums.highest);
        for (var i = lane; i < HEAD_DIM; i += LANES) {
            mixed[i] += parts[part + i] * share;
        }
    }
    workgroupBarrier();
    leave(lane, group.y, head, 0u, sums);
}

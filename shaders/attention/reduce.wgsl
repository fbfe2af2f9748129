// out[t, h, :] = Σ_s exp(highest[s] - highest) mixed[s, :] / Σ_s exp(highest[s] - highest) total[s]
//
// Combines what `attention/token` stored for each split s of the keys of a token: the second kernel of
// https://pytorch.org/blog/flash-decoding/. One workgroup per token and query head; invocations are dimensions.
#import pairs, attention

// [tokens, HEADS, SPLITS, PARTIAL]: Σ weight · value, (HEAD_DIM), and the Sums.
@binding(parts) var<storage, read> parts: array<f32>;

// [HEAD_DIM], in the order of the cache.
var<workgroup> mixed: array<f32, HEAD_DIM>;

fn mixed_at(row: u32, place: u32) -> f32 { return mixed[place]; }

fn sums_at(at: u32) -> Sums {
    return Sums(parts[at], parts[at + 1u], parts[at + 2u], parts[at + 3u], parts[at + 4u]);
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
        var value = 0.0;
        for (var split = 0u; split < splits; split++) {
            let part = at + split * PARTIAL;
            value += parts[part + i] * exp(parts[part + HEAD_DIM] - sums.highest);
        }
        mixed[i] = value;
    }
    workgroupBarrier();
    store_head(lane, group.y, head, 0u, 0u, sums);
}

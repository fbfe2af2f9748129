// For row t, the logit of token targets[t] and its rank: how many tokens have a higher logit, or the same logit and a
// lower id.
//
// One workgroup per row; rows are STRIDE logits apart.
struct Rank {
    logit: f32,
    before: u32,
}

// [rows, STRIDE]
@binding(logits) var<storage, read> logits: array<f32>;
// [rows]
@binding(targets) var<storage, read> targets: array<u32>;
// [rows]
@binding(ranks) var<storage, read_write> ranks: array<Rank>;

var<workgroup> before: atomic<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if (lane == 0u) {
        atomicStore(&before, 0u);
    }
    workgroupBarrier();
    let row = group.y * STRIDE;
    let target_id = min(targets[group.y], N - 1u);
    let logit = logits[row + target_id];
    var mine = 0u;
    for (var i = lane; i < N; i += LANES) {
        let other = logits[row + i];
        if (other > logit || (other == logit && i < target_id)) {
            mine += 1u;
        }
    }
    atomicAdd(&before, mine);
    workgroupBarrier();
    if (lane == 0u) {
        ranks[group.y] = Rank(logit, atomicLoad(&before));
    }
}

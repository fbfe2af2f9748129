// probs[t, h, j] = exp(q[t, h] · k[j, h / GROUP] · SCALE - highest) / total
//
// The probabilities of attention, computed again for inspection from the queries, the cache and the stored HeadStats.
// Exactly 0 for keys outside the mask. One workgroup per token and query head; rows are `width` long.
//
// `keys` is the unit that reads the cache.
#import cached_head, scores, head_stats, keys

// [tokens, HEADS, HEAD_DIM], each head in the order of the KV cache.
@binding(queries) var<storage, read> queries: array<QueryElement>;
// [tokens, HEADS]
@binding(stats) var<storage, read> stats: array<HeadStats>;
// [tokens, HEADS, width]
@binding(probs) var<storage, read_write> probs: array<f32>;
// The tokens of the pass and the page tables.
@binding(step) var<storage, read> step: Step;
// The length of a row of `probs`.
@binding(width) var<storage, read> width: u32;

var<workgroup> query: array<vec4<f32>, QUADS>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let place = step.rows[group.y];
    let n_keys = place.position + 1u;
    let first_key = first_seen(place.position);
    let row = group.y * HEADS + head;
    for (var i = lane; i < QUADS; i += LANES) {
        query[i] = query_quad(row, i) * SCALE;
    }
    workgroupBarrier();

    let kept = stats[row];
    for (var key = lane; key < width; key += LANES) {
        var prob = 0.0;
        if (key >= first_key && key < n_keys) {
            let score = score_of(cached_head(place.sequence, key, head / GROUP));
            prob = exp(score - kept.highest) / kept.total;
        }
        probs[row * width + key] = prob;
    }
}

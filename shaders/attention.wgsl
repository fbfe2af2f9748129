// out[t, h, :] = Σ_j softmax_j(q[t, h] · k[j, h / GROUP] · SCALE) v[j, h / GROUP],  j ≤ position of t
//
// Causal grouped-query attention (arXiv 2305.13245) with the online softmax of FlashAttention
// (arXiv 2205.14135). With WINDOW only the last WINDOW_KEYS positions are seen. One workgroup per
// token and query head. It walks over the keys page by page: first a lane is a key, for the scores;
// then a lane is a pair of dimensions, for the values.
//
// With STATS it also tells how each head spread its attention; the output is the same.
#import reduce
#import pages
#import kv_cache
#if STATS
#import head_stats
#end

const GROUP: u32 = HEADS / KV_HEADS;
// Below any score, and still finite: WGSL does not promise infinities.
const LOWEST: f32 = -3.0e38;

@group(0) @binding(_) var<storage, read> queries: array<Pair>;
@group(0) @binding(_) var<storage, read> k_cache: array<Pair>;
@group(0) @binding(_) var<storage, read> v_cache: array<Pair>;
@group(0) @binding(_) var<storage, read_write> out: array<Pair>;
@group(0) @binding(_) var<storage, read> step: Step;
#if STATS
@group(0) @binding(_) var<storage, read_write> stats: array<HeadStats>;
#end

var<workgroup> query: array<vec2<f32>, PAIRS>;
var<workgroup> weights: array<f32, LANES>;
var<workgroup> mixed: array<f32, HEAD_DIM>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let kv_head = head / GROUP;
    let row = step.rows[group.y];
    let n_keys = row.position + 1u;
#if WINDOW
    let first_key = n_keys - min(n_keys, WINDOW_KEYS);
#else
    let first_key = 0u;
#end

    let query_at = (group.y * HEADS + head) * PAIRS;
    for (var i = lane; i < PAIRS; i += LANES) {
        query[i] = from_pair(queries[query_at + i]) * SCALE;
    }
    workgroupBarrier();

    var highest = LOWEST;
    var total = 0.0;
#if STATS
    // Σ weight · (score - highest).
    var spread = 0.0;
    var best_score = LOWEST;
    var best_key = 0u;
    var first_score = LOWEST;
#end
#for d in PAIR_ROUNDS
    var sum_$d = vec2<f32>(0.0);
#end
    // A page has LANES positions; those of the first one that lie before the window are left out.
    for (var first = first_key - first_key % LANES; first < n_keys; first += LANES) {
        let slot = cache_slot(row.sequence, first);
        let key = first + lane;
        let seen = key >= first_key && key < n_keys;
        var score = LOWEST;
        if (seen) {
            let key_at = ((slot + lane) * KV_HEADS + kv_head) * PAIRS;
            score = 0.0;
            for (var i = 0u; i < PAIRS; i++) {
                score += dot(query[i], from_pair(k_cache[key_at + i]));
            }
        }
        let now_highest = max(highest, workgroup_max(lane, score));
        let weight = select(0.0, exp(score - now_highest), seen);
        weights[lane] = weight;
        let rescale = exp(highest - now_highest);
#if STATS
        let spread_here = workgroup_sum(lane, weight * (score - now_highest));
        spread = rescale * (spread + (highest - now_highest) * total) + spread_here;
        if (score > best_score) {
            best_score = score;
            best_key = key;
        }
        if (key == 0u) {
            first_score = score;
        }
#end
        total = total * rescale + workgroup_sum(lane, weight);
        highest = now_highest;

        let begin = max(first_key, first) - first;
        let n_here = min(LANES, n_keys - first);
#for d in PAIR_ROUNDS
        if (lane + $du * LANES < PAIRS) {
            sum_$d *= rescale;
            var value_at = ((slot + begin) * KV_HEADS + kv_head) * PAIRS + lane + $du * LANES;
            for (var j = begin; j < n_here; j++) {
                sum_$d += weights[j] * from_pair(v_cache[value_at]);
                value_at += KV_HEADS * PAIRS;
            }
        }
#end
        // The next tile overwrites the weights.
        workgroupBarrier();
    }
#for d in PAIR_ROUNDS
    if (lane + $du * LANES < PAIRS) {
        let dims = pair_dims(lane + $du * LANES);
        mixed[dims.x] = sum_$d.x / total;
        mixed[dims.y] = sum_$d.y / total;
    }
#end
    // Back to pairs of neighbours.
    workgroupBarrier();
    let out_at = (group.y * OUT_STRIDE + head * HEAD_DIM) / 2u;
    for (var i = lane; i < PAIRS; i += LANES) {
        out[out_at + i] = to_pair(vec2<f32>(mixed[2u * i], mixed[2u * i + 1u]));
    }
#if STATS
    // Of equally high scores the first key, as torch.argmax has it. Keys are exact as floats.
    let argmax = -workgroup_max(lane, select(LOWEST, -f32(best_key), best_score == highest));
    let first = workgroup_max(lane, first_score);
    if (lane == 0u) {
        stats[group.y * HEADS + head] = HeadStats(
            highest,
            total,
            log(total) - spread / total,
            1.0 / total,
            u32(argmax),
            exp(first - highest) / total,
            0.0,
            0.0,
        );
    }
#end
}

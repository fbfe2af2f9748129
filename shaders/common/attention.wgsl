// What the forms of attention share: which keys a query sees, and what becomes of the sums over them.
// Who imports this has bound its inputs before it.
#import cached_head
#import kv_cache
#if STATS
#import head_stats
#end

const GROUP: u32 = HEADS / KV_HEADS;
// Below any score, and still finite: WGSL does not promise infinities.
const LOWEST: f32 = -3.0e38;
const NOBODY: u32 = 0xFFFFFFFFu;

// What is known of the scores of some keys.
struct Sums {
    highest: f32,
    // Σ weight, where a key's weight is exp(score - highest).
    total: f32,
    // Σ weight · (score - highest).
    spread: f32,
    // The score of position 0.
    first_score: f32,
    // The first key that has the highest score.
    best_key: u32,
}

@group(0) @binding(_) var<storage, read> step: Step;
#if SPLIT
// For each token, head and stretch of keys: Σ weight · value, (HEAD_DIM), and the Sums.
@group(0) @binding(_) var<storage, read_write> partials: array<f32>;
#else
@group(0) @binding(_) var<storage, read_write> out: array<Pair>;
#if STATS
@group(0) @binding(_) var<storage, read_write> stats: array<HeadStats>;
#end
#end

const PARTIAL: u32 = HEAD_DIM + 5u;

// Σ weight · value, in the order of the cache.
var<workgroup> mixed: array<f32, HEAD_DIM>;

// From which key on, and up to which, a query at `position` sees stretch `split` of SPLITS, each of
// whole pages. None where the first is not below the last.
fn keys_of(position: u32, split: u32) -> vec2<u32> {
    let n_keys = position + 1u;
#if WINDOW
    let first_key = n_keys - min(n_keys, WINDOW_KEYS);
#else
    let first_key = 0u;
#end
    let first_page = first_key / PAGE;
    let pages = (n_keys + PAGE - 1u) / PAGE - first_page;
    let pages_each = max((pages + SPLITS - 1u) / SPLITS, LEAST_PAGES);
    let page = first_page + split * pages_each;
    return vec2<u32>(max(first_key, page * PAGE), min(n_keys, (page + pages_each) * PAGE));
}

// The sums of two stretches of keys.
fn joined(a: Sums, b: Sums) -> Sums {
    var sums: Sums;
    sums.highest = max(a.highest, b.highest);
    let share_a = exp(a.highest - sums.highest);
    let share_b = exp(b.highest - sums.highest);
    sums.total = a.total * share_a + b.total * share_b;
#if STATS
    sums.spread = share_a * (a.spread + (a.highest - sums.highest) * a.total)
        + share_b * (b.spread + (b.highest - sums.highest) * b.total);
    sums.first_score = max(a.first_score, b.first_score);
    // Of equally high scores the first key, as torch.argmax has it.
    sums.best_key = min(
        select(NOBODY, a.best_key, a.highest == sums.highest),
        select(NOBODY, b.best_key, b.highest == sums.highest),
    );
#end
    return sums;
}

// Where dimension `dim` of a head lies in `mixed`.
fn place_of(dim: u32) -> u32 {
    if (dim < ROPE_PAIRS) {
        return 2u * dim;
    }
    if (dim < 2u * ROPE_PAIRS) {
        return 2u * (dim - ROPE_PAIRS) + 1u;
    }
    return dim;
}

// Leaves `mixed` and the sums of a token's head, or of one stretch of its keys. All lanes call it
// together, behind a barrier.
fn leave(lane: u32, token: u32, head: u32, split: u32, sums: Sums) {
#if SPLIT
    let at = ((token * HEADS + head) * SPLITS + split) * PARTIAL;
    for (var i = lane; i < HEAD_DIM; i += LANES) {
        partials[at + i] = mixed[i];
    }
    if (lane == 0u) {
        partials[at + HEAD_DIM] = sums.highest;
        partials[at + HEAD_DIM + 1u] = sums.total;
        partials[at + HEAD_DIM + 2u] = sums.spread;
        partials[at + HEAD_DIM + 3u] = sums.first_score;
        partials[at + HEAD_DIM + 4u] = bitcast<f32>(sums.best_key);
    }
#else
    // Back to pairs of neighbours.
    let out_at = (token * OUT_STRIDE + head * HEAD_DIM) / 2u;
    for (var i = lane; i < PAIRS; i += LANES) {
        let pair = vec2<f32>(mixed[place_of(2u * i)], mixed[place_of(2u * i + 1u)]);
        out[out_at + i] = to_pair(pair / sums.total);
    }
#if STATS
    if (lane == 0u) {
        stats[token * HEADS + head] = HeadStats(
            sums.highest,
            sums.total,
            log(sums.total) - sums.spread / sums.total,
            1.0 / sums.total,
            sums.best_key,
            exp(sums.first_score - sums.highest) / sums.total,
            0.0,
            0.0,
        );
    }
#end
#end
}

// Shared by the attention kernels with KV splits: the keys of a split, and the storing of the sums over them. The
// importing shader has a function `mixed_at(row: u32, place: u32)`: element `place`, in the order of the cache, of Σ
// weight · value of query `row`.
#import cached_head, kv_cache, scores, head_stats

// Statistics of the scores of a query with some keys.
struct Sums {
    highest: f32,
    // Σ weight, where the weight of a key is exp(score - highest).
    total: f32,
    // Σ weight · (score - highest).
    spread: f32,
    // The score of position 0.
    first_score: f32,
    // The first key that has the highest score.
    best_key: f32,
}

// The tokens of the pass and the page tables.
@binding(step) var<storage, read> step: Step;
// [tokens, HEADS, SPLITS, PARTIAL]: Σ weight · value, (HEAD_DIM), and the Sums.
@binding(partials) var<storage, read_write> partials: array<f32>;
// [tokens, OUT_STRIDE / 2] pairs of neighbouring dimensions.
@binding(out) var<storage, read_write> out: array<Pair>;
// [tokens, HEADS]
@binding(stats) var<storage, read_write> stats: array<HeadStats>;

const PARTIAL: u32 = HEAD_DIM + 5u;

// The first key and the end of split `split` of SPLITS for a query at `position`. A split has whole pages, and is
// empty if the first key is not below the end.
fn keys_of(position: u32, split: u32) -> vec2<u32> {
    let n_keys = position + 1u;
    let first_key = first_seen(position);
    let first_page = first_key / PAGE;
    let pages = (n_keys + PAGE - 1u) / PAGE - first_page;
    let pages_each = max((pages + SPLITS - 1u) / SPLITS, LEAST_PAGES);
    let page = first_page + split * pages_each;
    return vec2<u32>(max(first_key, page * PAGE), min(n_keys, (page + pages_each) * PAGE));
}

// The sums over the keys of two splits, or of two invocations.
fn joined(a: Sums, b: Sums) -> Sums {
    var sums = Sums(max(a.highest, b.highest), 0.0, 0.0, LOWEST, NO_KEY);
    let share_a = exp(a.highest - sums.highest);
    let share_b = exp(b.highest - sums.highest);
    sums.total = a.total * share_a + b.total * share_b;
#if STATS
    sums.spread = share_a * (a.spread + (a.highest - sums.highest) * a.total)
        + share_b * (b.spread + (b.highest - sums.highest) * b.total);
    sums.first_score = max(a.first_score, b.first_score);
    // Among equal scores the first key, as in torch.argmax.
    sums.best_key = min(
        select(NO_KEY, a.best_key, a.highest == sums.highest),
        select(NO_KEY, b.best_key, b.highest == sums.highest),
    );
#end
    return sums;
}

// Stores the result and the sums of a head of a token, or of one split of its keys. All invocations call it together,
// after a barrier.
fn store_head(lane: u32, token: u32, head: u32, split: u32, row: u32, sums: Sums) {
#if SPLIT
    let at = ((token * HEADS + head) * SPLITS + split) * PARTIAL;
    for (var i = lane; i < HEAD_DIM; i += LANES) {
        partials[at + i] = mixed_at(row, i);
    }
    if (lane == 0u) {
        partials[at + HEAD_DIM] = sums.highest;
        partials[at + HEAD_DIM + 1u] = sums.total;
        partials[at + HEAD_DIM + 2u] = sums.spread;
        partials[at + HEAD_DIM + 3u] = sums.first_score;
        partials[at + HEAD_DIM + 4u] = sums.best_key;
    }
#else
    let out_at = (token * OUT_STRIDE + head * HEAD_DIM) / 2u;
    for (var i = lane; i < PAIRS; i += LANES) {
        let pair = vec2<f32>(mixed_at(row, place_of(2u * i)), mixed_at(row, place_of(2u * i + 1u)));
        out[out_at + i] = to_pair(pair / sums.total);
    }
    #if STATS
    if (lane == 0u) {
        stats[token * HEADS + head] =
            head_stats(sums.highest, sums.total, sums.spread, u32(sums.best_key), sums.first_score);
    }
    #end
#end
}

// The K highest logits of each row with their ids, sorted: higher logit first, among equal ones the lower id first.
//
// One workgroup per row. `argmax` has stored the highest of every PER_MAXIMUM logits, and each invocation takes the
// maximum of some of those. K invocations hold a maximum at least as high as the K-th highest of all, so the K best
// logits are at least as high: that is the first limit. Few logits pass it. If more than ROOM do (many equal logits,
// for example), bisection raises the limit. Those that pass are ranked by counting the logits before each.
#import key

// [rows, STRIDE]
@binding(logits) var<storage, read> logits: array<f32>;
// [rows, BLOCKS]
@binding(maxima) var<storage, read> maxima: array<f32>;
// [rows, K]: the bits of the logit, and its id.
@binding(best) var<storage, read_write> best: array<vec2<u32>>;

// Below any logit, and finite, because WGSL does not guarantee infinities.
const LOWEST: f32 = -3.0e38;
const NOBODY: u32 = 0xFFFFFFFFu;

// A block is the PER_MAXIMUM logits of a maximum, MAXIMA apart.
const BLOCKS: u32 = (N + MAXIMA * PER_MAXIMUM - 1u) / (MAXIMA * PER_MAXIMUM) * MAXIMA;

// A logit passes if its key is above `key`, or at `key` and its id at most `id`.
struct Limit {
    key: u32,
    id: u32,
}

// The highest maximum of each invocation, as keys.
var<workgroup> highest: array<u32, LANES>;
var<workgroup> limit_key: u32;
var<workgroup> count: atomic<u32>;
var<workgroup> counted: u32;
var<workgroup> keys: array<u32, ROOM>;
var<workgroup> ids: array<u32, ROOM>;

fn passes(limit: Limit, key: u32, id: u32) -> bool {
    return key > limit.key || (key == limit.key && id <= limit.id);
}

// How many logits pass; with `keep` they are stored, up to ROOM.
fn collect(row: u32, lane: u32, limit: Limit, keep: bool) -> u32 {
    if (lane == 0u) {
        atomicStore(&count, 0u);
    }
    workgroupBarrier();
    if (highest[lane] >= limit.key) {
        for (var block = lane; block < BLOCKS; block += LANES) {
            if (key_of(maxima[row * BLOCKS + block]) < limit.key) {
                continue;
            }
            let first = block / MAXIMA * MAXIMA * PER_MAXIMUM + block % MAXIMA;
            for (var i = 0u; i < PER_MAXIMUM; i++) {
                let id = first + i * MAXIMA;
                if (id >= N) {
                    break;
                }
                let key = key_of(logits[row * STRIDE + id]);
                if (passes(limit, key, id)) {
                    let place = atomicAdd(&count, 1u);
                    if (keep && place < ROOM) {
                        keys[place] = key;
                        ids[place] = id;
                    }
                }
            }
        }
    }
    workgroupBarrier();
    if (lane == 0u) {
        counted = atomicLoad(&count);
    }
    let found = workgroupUniformLoad(&counted);
    return found;
}

// A limit that K to ROOM logits pass, if more than that pass `low`.
fn raise(row: u32, lane: u32, low: u32) -> Limit {
    var key = low;
    var too_high = NOBODY;
    while (too_high - key > 1u) {
        let middle = key + (too_high - key) / 2u;
        let limit = Limit(middle, NOBODY);
        let found = collect(row, lane, limit, false);
        if (found > ROOM) {
            key = middle;
        } else if (found < K) {
            too_high = middle;
        } else {
            return limit;
        }
    }
    // Too many logits have this key; one id more adds at most one logit.
    var id = 0u;
    var too_many = N;
    while (too_many - id > 1u) {
        let middle = id + (too_many - id) / 2u;
        let limit = Limit(key, middle);
        let found = collect(row, lane, limit, false);
        if (found > ROOM) {
            too_many = middle;
        } else if (found < K) {
            id = middle;
        } else {
            return limit;
        }
    }
    return Limit(key, id);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.y;
    var mine = LOWEST;
    for (var block = lane; block < BLOCKS; block += LANES) {
        mine = max(mine, maxima[row * BLOCKS + block]);
    }
    let key = key_of(mine);
    highest[lane] = key;
    workgroupBarrier();
    var before = 0u;
    for (var other = 0u; other < LANES; other++) {
        let theirs = highest[other];
        before += select(0u, 1u, theirs > key || (theirs == key && other < lane));
    }
    if (before == K - 1u) {
        limit_key = key;
    }
    let first_key = workgroupUniformLoad(&limit_key);

    var found = collect(row, lane, Limit(first_key, NOBODY), true);
    if (found > ROOM) {
        found = collect(row, lane, raise(row, lane, first_key), true);
    }
    found = min(found, ROOM);
    for (var i = lane; i < found; i += LANES) {
        let key = keys[i];
        let id = ids[i];
        var rank = 0u;
        for (var other = 0u; other < found; other++) {
            rank += select(0u, 1u, keys[other] > key || (keys[other] == key && ids[other] < id));
        }
        if (rank < K) {
            best[row * K + rank] = vec2<u32>(bitcast<u32>(logits[row * STRIDE + id]), id);
        }
    }
    for (var i = found + lane; i < K; i += LANES) {
        best[row * K + i] = vec2<u32>(bitcast<u32>(LOWEST), NOBODY);
    }
}

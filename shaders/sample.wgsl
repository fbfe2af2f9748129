// From the logits of a position to a drawn token, in transformers' order: penalties, temperature,
// top-k, top-p, min-p, the draw. `crates/sampling` is the same on the CPU, and explains the numbers.
//
// One workgroup per row; the rows are those of the pass, each of a different sequence, or only the last one. Settings
// and counts belong to the sequence. All sums are of integers, so they do not depend on the order of invocations.
#import pages, philox, reduce, sampling/find, sampling/left, sampling/scaled, u64

struct Chosen {
    id: u32,
    logit: f32,
    logsumexp: f32,
    position: u32,
}

struct Drawn {
    // The random word; divided by 2³² it is u.
    word: u32,
    // How many tokens remain to draw from.
    kept: u32,
    // Mass of all remaining tokens, of those before the token, and of the token.
    total: vec2<u32>,
    start: vec2<u32>,
    mass: vec2<u32>,
}

// [rows]
@binding(chosen) var<storage, read_write> chosen: array<Chosen>;
// [rows]
@binding(drawn) var<storage, read_write> drawn: array<Drawn>;
// The tokens of the pass and the page tables.
@binding(step) var<storage, read_write> step: Step;
// [slots of the KV cache]: the token at each position.
@binding(history) var<storage, read_write> history: array<u32>;

const LOWEST: f32 = -3.0e38;

var<workgroup> row_of_pass: Row;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // With NaN logits nothing may be found; the host refuses them.
    if (lane == 0u) {
        row_of_pass = step.rows[step.n_tokens - groups.y + group.y];
        found = Found(0u, vec2<u32>(0u), vec2<u32>(0u));
    }
    let here = workgroupUniformLoad(&row_of_pass);
    let place = Place(group.y, here.sequence);
    let next = here.position + 1u;

    var best = LOWEST;
    for (var id = lane; id < N; id += LANES) {
        best = max(best, scaled(place, id));
    }
    let highest = workgroup_max(lane, best);
    var limits = Limits(0u, 0xFFFFFFFFu, vec2<u32>(0u));

    let top_k = params[place.sequence].top_k;
    if (top_k > 0u && top_k < N) {
        let search = Search(limits, false, false, 0u, true);
        limits.key = find(place, lane, search, vec2<u32>(N - top_k, 0u), highest).value;
    }
    let part = params[place.sequence].removable;
    if (part > 0u) {
        let removable = share64(total_mass(place, lane, limits, highest), part);
        let search = Search(limits, false, false, 0u, false);
        let last = find(place, lane, search, removable, highest);
        limits.key = last.value;
        // Among equal tokens the higher ids are removed first; this is the mass of the others.
        let rest = subtract64(last.weight, subtract64(removable, last.before));
        let of_key = Search(limits, true, true, last.value, false);
        let goal = subtract64(rest, vec2<u32>(1u, 0u));
        limits.id = find(place, lane, of_key, goal, highest).value;
    }
    limits.mass = params[place.sequence].least_mass;

    let total = total_mass(place, lane, limits, highest);
    var word = 0u;
    if (params[place.sequence].greedy == 0u) {
        word = philox(vec4<u32>(next, 0u, 0u, 0u), params[place.sequence].seed).x;
    }
    let everything = Search(limits, true, false, 0u, false);
    let token = find(place, lane, everything, share64(total, word), highest);
    if (lane == 0u) {
        let id = min(token.value, N - 1u);
        chosen[group.y].id = id;
        chosen[group.y].logit = logits[group.y * STRIDE + id];
        chosen[group.y].position = next;
        drawn[group.y] = Drawn(word, atomicLoad(&left), total, token.before, token.weight);
        counts[place.sequence * N + id] += 1u;
        history[cache_slot(place.sequence, next)] = id;
        step.rows[group.y] = Row(next, place.sequence);
        if (groups.y == 1u) {
            step.n_tokens = 1u;
        }
    }
}

// From the logits of a position to a drawn token, in transformers' order: penalties, temperature,
// top-k, top-p, min-p, the draw. `crates/sampling` is the same on the CPU, and explains the numbers.
//
// One workgroup per row; rows are those of the pass, each of another sequence, or the last of them
// alone. Settings and counts are the sequence's. All sums are of whole numbers, so that no order of lanes changes them. A
// threshold is found digit by digit: weights are summed by the leading digit of a key, the digit
// where the sum passes the goal is kept, and the next digit is looked at.
#import key
#import pages
#import philox
#import reduce

// `SampleParams` of sample.rs.
struct Params {
    // 1 / temperature
    scale: f32,
    // For logits below 0, and above.
    repetition: f32,
    inverse_repetition: f32,
    presence: f32,
    frequency: f32,
    // 0 for all.
    top_k: u32,
    // (1 - top_p) · 2³²
    removable: u32,
    penalizes: u32,
    least_mass: vec2<u32>,
    seed: vec2<u32>,
    greedy: u32,
    unused_0: u32,
    unused_1: vec2<u32>,
}

struct Chosen {
    id: u32,
    logit: f32,
    logsumexp: f32,
    position: u32,
}

struct Drawn {
    // The random word, whose 2³²nd is u.
    word: u32,
    // How many tokens are left to draw from.
    kept: u32,
    // Mass of all that are left, of those of them before the token, and of the token.
    total: vec2<u32>,
    start: vec2<u32>,
    mass: vec2<u32>,
}

@group(0) @binding(_) var<storage, read> logits: array<f32>;
@group(0) @binding(_) var<storage, read> params: array<Params>;
@group(0) @binding(_) var<storage, read_write> counts: array<u32>;
@group(0) @binding(_) var<storage, read_write> chosen: array<Chosen>;
@group(0) @binding(_) var<storage, read_write> drawn: array<Drawn>;
@group(0) @binding(_) var<storage, read_write> step: Step;
@group(0) @binding(_) var<storage, read_write> history: array<u32>;

const LOWEST: f32 = -3.0e38;
const LOG2_E: f32 = 1.44269504;
const IN_PROMPT: u32 = 0x80000000u;
const DIGITS: u32 = 256u;

// A token is left if its key is above `key`, or at `key` and its id at most `id`, and its mass is at
// least `mass`.
struct Limits {
    key: u32,
    id: u32,
    mass: vec2<u32>,
}

// What `find` sums up, and over what.
struct Search {
    limits: Limits,
    // Look only at tokens of this key, and sum by id; otherwise sum by key.
    by_id: bool,
    only_key: bool,
    key: u32,
    // Every token weighs 1.
    by_count: bool,
}

// A key or an id; the weight of all below it, and of it.
struct Found {
    value: u32,
    before: vec2<u32>,
    weight: vec2<u32>,
}

var<workgroup> low: array<atomic<u32>, DIGITS>;
var<workgroup> high: array<atomic<u32>, DIGITS>;
var<workgroup> sums: array<vec2<u32>, DIGITS>;
var<workgroup> found: Found;
var<workgroup> row_of_pass: Row;
var<workgroup> left: atomic<u32>;

// Which logits are looked at, and whose they are.
struct Place {
    row: u32,
    sequence: u32,
}

// A logit after penalties and temperature.
fn scaled(place: Place, id: u32) -> f32 {
    let settings = &params[place.sequence];
    var logit = logits[place.row * STRIDE + id];
    if ((*settings).penalizes != 0u) {
        let word = counts[place.sequence * N + id];
        if (word != 0u) {
            logit *= select((*settings).inverse_repetition, (*settings).repetition, logit < 0.0);
        }
        let count = word & ~IN_PROMPT;
        if (count > 0u) {
            logit -= (*settings).presence + (*settings).frequency * f32(count);
        }
    }
    return logit * (*settings).scale;
}

// exp(logit - highest) · 2⁴⁰, rounded down.
fn mass_of(logit: f32, highest: f32) -> vec2<u32> {
    let halvings = (highest - logit) * LOG2_E;
    if (halvings <= 0.0) {
        return vec2<u32>(0u, 256u);
    }
    if (halvings >= 41.0) {
        return vec2<u32>(0u);
    }
    let whole = floor(halvings);
    let part = u32(exp2(whole - halvings) * 2147483648.0);
    return shift_right64(vec2<u32>(part << 9u, part >> 23u), u32(whole));
}

fn is_left(limits: Limits, key: u32, id: u32, mass: vec2<u32>) -> bool {
    return (key > limits.key || (key == limits.key && id <= limits.id)) && !less64(mass, limits.mass);
}

// Two atomic words; the carry is taken by whoever makes the low one pass its end.
fn add_to_digit(digit: u32, weight: vec2<u32>) {
    let before = atomicAdd(&low[digit], weight.x);
    let carry = select(0u, 1u, before + weight.x < before);
    if (weight.y + carry > 0u) {
        atomicAdd(&high[digit], weight.y + carry);
    }
}

// The sum of the digits up to each.
fn sum_up(lane: u32) {
    var sum = vec2<u32>(atomicLoad(&low[lane]), atomicLoad(&high[lane]));
    sums[lane] = sum;
    workgroupBarrier();
    for (var distance = 1u; distance < DIGITS; distance *= 2u) {
        if (lane >= distance) {
            sum = add64(sums[lane - distance], sum);
        }
        workgroupBarrier();
        sums[lane] = sum;
        workgroupBarrier();
    }
}

fn clear(lane: u32) {
    atomicStore(&low[lane], 0u);
    atomicStore(&high[lane], 0u);
    workgroupBarrier();
}

// The mass of all tokens that are left; `left` is how many they are.
fn total_mass(place: Place, lane: u32, limits: Limits, highest: f32) -> vec2<u32> {
    if (lane == 0u) {
        atomicStore(&left, 0u);
    }
    clear(lane);
    var sum = vec2<u32>(0u);
    var tokens_left = 0u;
    for (var id = lane; id < N; id += LANES) {
        let logit = scaled(place, id);
        let mass = mass_of(logit, highest);
        if (is_left(limits, key_of(logit), id, mass)) {
            sum = add64(sum, mass);
            tokens_left += 1u;
        }
    }
    atomicAdd(&left, tokens_left);
    add_to_digit(lane, sum);
    workgroupBarrier();
    sum_up(lane);
    let total = workgroupUniformLoad(&sums[DIGITS - 1u]);
    return total;
}

// The lowest key (or id) for which it and those below it weigh more than `goal`.
fn find(place: Place, lane: u32, search: Search, goal: vec2<u32>, highest: f32) -> Found {
    var prefix = 0u;
    var before = vec2<u32>(0u);
    var weight = vec2<u32>(0u);
    for (var shift = select(24u, ID_SHIFT, search.by_id); ; shift -= 8u) {
        clear(lane);
        for (var id = lane; id < N; id += LANES) {
            let logit = scaled(place, id);
            let key = key_of(logit);
            let value = select(key, id, search.by_id);
            if ((value >> shift) >> 8u != prefix || (search.only_key && key != search.key)) {
                continue;
            }
            var weight = vec2<u32>(1u, 0u);
            if (!search.by_count) {
                weight = mass_of(logit, highest);
            }
            if (is_left(search.limits, key, id, weight)) {
                add_to_digit((value >> shift) & 255u, weight);
            }
        }
        workgroupBarrier();
        sum_up(lane);
        var below = vec2<u32>(0u);
        if (lane > 0u) {
            below = sums[lane - 1u];
        }
        let from_here = add64(before, below);
        let to_here = add64(before, sums[lane]);
        if (less64(goal, to_here) && !less64(goal, from_here)) {
            found = Found((prefix << 8u) | lane, from_here, subtract64(to_here, from_here));
        }
        let digit = workgroupUniformLoad(&found);
        prefix = digit.value;
        before = digit.before;
        weight = digit.weight;
        if (shift == 0u) {
            break;
        }
    }
    return Found(prefix, before, weight);
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // Logits that are no numbers may leave nothing to find; the host refuses them.
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
        // Of equal ones the higher ids are removed, while that is allowed: the others weigh this.
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

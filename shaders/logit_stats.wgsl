// The entropy of p = softmax(logits), in nats, and a histogram of surprisal: bin b counts the tokens with -ln p from
// b · BIN to (b + 1) · BIN, the last bin also all above.
//
// Two dispatches: every workgroup counts CHUNK logits, then one workgroup (FINAL) sums the counts. Each invocation
// has its own counts, one byte per bin, which its few logits cannot overflow; atomics would serialise the
// invocations.

struct Stats {
    // -Σ p ln p.
    entropy: f32,
    unused_0: u32,
    unused_1: u32,
    unused_2: u32,
    counts: array<u32, BINS>,
}

// Id, logit, logsumexp and position, from `argmax`.
@binding(chosen) var<storage, read> chosen: vec4<u32>;
// [N]
@binding(logits) var<storage, read> logits: array<f32>;
// [workgroups of the first dispatch]
#if FINAL
@binding(parts) var<storage, read> parts: array<Stats>;
#else
@binding(parts) var<storage, read_write> parts: array<Stats>;
#end
// Their sums.
@binding(stats) var<storage, read_write> stats: Stats;

var<workgroup> sums: array<f32, LANES>;
#if !FINAL
// (BINS / 4, LANES), four bins to a word.
var<workgroup> counts: array<u32, BINS / 4u * LANES>;
#end

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
#if FINAL
    for (var i = lane; i < N; i += LANES) {
        sum += parts[i].entropy;
    }
    for (var bin = lane; bin < BINS; bin += LANES) {
        var count = 0u;
        for (var i = 0u; i < N; i++) {
            count += parts[i].counts[bin];
        }
        stats.counts[bin] = count;
    }
#else
    for (var word = 0u; word < BINS / 4u; word++) {
        counts[word * LANES + lane] = 0u;
    }
    let logsumexp = bitcast<f32>(chosen.z);
    let end = min((group.x + 1u) * CHUNK, N);
    for (var i = group.x * CHUNK + lane; i < end; i += LANES) {
        let log_p = logits[i] - logsumexp;
        sum -= exp(log_p) * log_p;
        let bin = u32(clamp(-log_p / BIN, 0.0, f32(BINS - 1u)));
        counts[bin / 4u * LANES + lane] += 1u << (8u * (bin % 4u));
    }
#end
    sums[lane] = sum;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            sums[lane] += sums[lane + width];
        }
        workgroupBarrier();
    }
#if FINAL
    if (lane == 0u) {
        stats.entropy = sums[0];
    }
#else
    if (lane == 0u) {
        parts[group.x].entropy = sums[0];
    }
    for (var bin = lane; bin < BINS; bin += LANES) {
        var count = 0u;
        for (var other = 0u; other < LANES; other++) {
            count += (counts[bin / 4u * LANES + other] >> (8u * (bin % 4u))) & 255u;
        }
        parts[group.x].counts[bin] = count;
    }
#end
}

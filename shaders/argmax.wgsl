// The greedy choice, the logsumexp of the logits, and the advance to the next position.
//
// Two dispatches. In the first, every workgroup reduces CHUNK logits of a row (group.y) to one Best, and stores
// MAXIMA maxima for `top_k`, each over logits that are MAXIMA apart. In the second (FINAL), one workgroup per row
// reduces the bests and writes the choice. With FEEDBACK each choice becomes the next token of its sequence and the
// positions advance, so that the next step can be submitted before the host has read this one. The rows are then
// those of the pass, each of a different sequence, or only the last row of the pass.
#if FEEDBACK
    #import pages
#end

// The best of some logits; among equal ones the lowest id, as in torch.argmax.
struct Best {
    logit: f32,
    id: u32,
    // Σ exp(logit_i - logit).
    sum: f32,
    unused: u32,
}

const LOWEST: f32 = -3.0e38;

const CHUNKS: u32 = (N + CHUNK - 1u) / CHUNK;

struct Chosen {
    id: u32,
    logit: f32,
    logsumexp: f32,
    position: u32,
}

// [rows, STRIDE]
@binding(logits) var<storage, read> logits: array<f32>;
// [rows, CHUNKS]
#if FINAL
@binding(bests) var<storage, read> bests: array<Best>;
#else
@binding(bests) var<storage, read_write> bests: array<Best>;
#end
// [rows, CHUNKS, MAXIMA]
@binding(maxima) var<storage, read_write> maxima: array<f32>;
// [rows]
@binding(chosen) var<storage, read_write> chosen: array<Chosen>;
// The tokens of the pass and the page tables.
@binding(step) var<storage, read_write> step: Step;
// [slots of the KV cache]: the token at each position.
@binding(history) var<storage, read_write> history: array<u32>;

var<workgroup> scratch: array<Best, LANES>;

fn better(a: Best, b: Best) -> Best {
    var best = a;
    var other = b;
    if (b.logit > a.logit || (b.logit == a.logit && b.id < a.id)) {
        best = b;
        other = a;
    }
    best.sum += other.sum * exp(other.logit - best.logit);
    return best;
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var best = Best(LOWEST, 0xFFFFFFFFu, 0.0, 0u);
#if FINAL
    for (var i = lane; i < CHUNKS; i += LANES) {
        best = better(best, bests[group.y * CHUNKS + i]);
    }
#else
    let end = min((group.x + 1u) * CHUNK, N);
    for (var column = lane; column < MAXIMA; column += LANES) {
        var column_best = Best(LOWEST, 0xFFFFFFFFu, 0.0, 0u);
        for (var i = group.x * CHUNK + column; i < end; i += MAXIMA) {
            column_best = better(column_best, Best(logits[group.y * STRIDE + i], i, 1.0, 0u));
        }
        maxima[(group.y * CHUNKS + group.x) * MAXIMA + column] = column_best.logit;
        best = better(best, column_best);
    }
#end
    scratch[lane] = best;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            scratch[lane] = better(scratch[lane], scratch[lane + width]);
        }
        workgroupBarrier();
    }
    if (lane == 0u) {
        best = scratch[0];
#if FINAL
        let logsumexp = best.logit + log(best.sum);
    #if FEEDBACK
        let row = step.rows[step.n_tokens - groups.y + group.y];
        let next = row.position + 1u;
        chosen[group.y] = Chosen(best.id, best.logit, logsumexp, next);
        history[cache_slot(row.sequence, next)] = best.id;
        step.rows[group.y] = Row(next, row.sequence);
        if (groups.y == 1u) {
            step.n_tokens = 1u;
        }
    #else
        chosen[group.y] = Chosen(best.id, best.logit, logsumexp, 0u);
    #end
#else
        bests[group.y * CHUNKS + group.x] = best;
#end
    }
}

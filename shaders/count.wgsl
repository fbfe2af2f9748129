// The tokens of a sequence, for the penalties: IN_PROMPT if the prompt has the token, and in the lower bits how often
// it was generated. `sample` continues the counts.
//
// One workgroup per row of the pass, each of a different sequence, or only for the last row.
#import pages

// [slots of the KV cache]: the token at each position.
@binding(history) var<storage, read> history: array<u32>;
// The tokens of the pass and the page tables.
@binding(step) var<storage, read> step: Step;
// [sequences]: how many of its tokens are the prompt's.
@binding(prompts) var<storage, read> prompts: array<u32>;
// [sequences, N]
@binding(counts) var<storage, read_write> counts: array<atomic<u32>>;

const IN_PROMPT: u32 = 0x80000000u;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = step.rows[step.n_tokens - groups.y + group.y];
    let first = row.sequence * N;
    for (var id = lane; id < N; id += LANES) {
        atomicStore(&counts[first + id], 0u);
    }
    storageBarrier();
    for (var i = lane; i <= row.position; i += LANES) {
        let id = min(history[cache_slot(row.sequence, i)], N - 1u);
        if (i < prompts[row.sequence]) {
            atomicOr(&counts[first + id], IN_PROMPT);
        } else {
            atomicAdd(&counts[first + id], 1u);
        }
    }
}

// x[t, :] = embed_tokens[token t, :] · SCALE,
// or with POSITIONS: x[t, :] += embed_positions[position of t, :]
//
// An invocation unpacks a block of 32 weights. A table larger than a binding has several parts, with one dispatch
// each. This part has rows ROW_START … ROW_START + N_ROWS - 1.
#import format, pairs, pages

// The tokens of the pass and the page tables.
@binding(step) var<storage, read> step: Step;
// [slots of the KV cache]: the token at each position.
@binding(history) var<storage, read> history: array<u32>;
// [tokens, X_ROW]: X_ROW = floats of a row / 4.
@binding(x) var<storage, read_write> x: array<Quad>;

// The padding after a row must stay zero, whatever the minimum is.
fn put(at: u32, column: u32, value: vec4<f32>) {
    let inside = vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(K);
    let four = select(vec4<f32>(0.0), value, inside);
#if POSITIONS
    x[at] = to_quad(from_quad(x[at]) + four);
#else
    x[at] = to_quad(four * SCALE);
#end
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let block = group.x * LANES + lane;
    let here = step.rows[group.y];
#if POSITIONS
    let row = here.position - ROW_START;
#else
    let row = history[cache_slot(here.sequence, here.position)] - ROW_START;
#end
    // Rows below ROW_START wrap around to large numbers, which fail the test too.
    if (block >= K_BLOCKS || row >= N_ROWS) {
        return;
    }
    let b = load_block(row_start(row), block);
    let at = group.y * X_ROW + 8u * block;
#for h in 2
    let a_$h = affine(b, $hu);
    let values_$h = values(b, $hu);
    #for i in 4
    put(at + 4u * $hu + $iu, 32u * block + 16u * $hu + 4u * $iu, values_$h[$i] * a_$h.x + a_$h.y);
    #end
#end
}

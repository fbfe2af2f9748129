// x[t, :] = embed_tokens[token t, :] · SCALE,
// or with POSITIONS: x[t, :] += embed_positions[position of t, :]
//
// One lane unpacks one block of 32 weights. A table larger than a binding comes in parts, one
// dispatch each: this one holds rows ROW_START … ROW_START + N_ROWS - 1. The tokens are those that
// the history, (slots) of ids, has at the positions of the pass.
//
// With RAGGED rows end within a block, and what is behind them would be its minimum: it has to be zero.
#import format
#import pairs
#import pages
#import quants

@group(0) @binding(_) var<storage, read> step: Step;
#if !POSITIONS
@group(0) @binding(_) var<storage, read> history: array<u32>;
#end
@group(0) @binding(_) var<storage, read_write> x: array<Quad>;
#if SCALES
#import scales
#end

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let block = group.x * LANES + lane;
    let here = step.rows[group.y];
#if POSITIONS
    let row = here.position - ROW_START;
#else
    let row = history[cache_slot(here.sequence, here.position)] - ROW_START;
#end
    // Rows below ROW_START wrap around to large numbers, which the test refuses as well.
    if (block >= K_BLOCKS || row >= N_ROWS) {
        return;
    }
    let source = first_raw(row) + block * STEPS * 32u;
    let target_quad = group.y * (X_STRIDE / 4u) + block * 8u;
#if SCALES
    let scale_at = first_scale(row) + (block / GROUP) * GROUP_WORDS * 32u;
    let scale = group_scale(scale_word(scale_at));
#end
#if SUPER
    let pair = step_scales(scale_at, block % GROUP);
#end
#if HIGH
    let high_at = scale_at + (HIGH_AT + (block % GROUP) * HIGH_WORDS) * 32u;
#end
#for v in STEPS
    let raw_$v = raw_of(source + $vu * 32u);
#if HIGH
    let high_bits_$v = high_$v(high_at);
#end
#if SUPER
    let scale_$v = scale * step_scale_$v(pair);
#else
#if SCALES
    let scale_$v = scale;
#end
#end
#for p in QUADS
#if HIGH
    var value_$v_$p = unpack_$p(raw_$v, high_bits_$v);
#else
    var value_$v_$p = unpack_$p(raw_$v);
#end
#if IN_PLACE
    value_$v_$p *= PLACES;
#end
#if LIFTED
    value_$v_$p -= LIFT;
#end
#if SCALES
    value_$v_$p = value_$v_$p * scale_$v.x + scale_$v.y;
#end
#if RAGGED
    let first_$v_$p = block * 32u + ($vu * QUADS + $pu) * 4u;
    value_$v_$p = select(vec4<f32>(0.0), value_$v_$p, vec4<u32>(first_$v_$p) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(K));
#end
    let quad_$v_$p = target_quad + $vu * QUADS + $pu;
#if POSITIONS
    x[quad_$v_$p] = to_quad(from_quad(x[quad_$v_$p]) + value_$v_$p);
#else
    x[quad_$v_$p] = to_quad(value_$v_$p * SCALE);
#end
#end
#end
}

// y[t, r] (+)= Σ_k W[r, k] · x[t, k] (+ bias[r])
//
// A lane owns ROWS rows and COLS tokens and walks along k, so nothing is reduced across lanes.
// Neighbouring lanes own neighbouring rows: each load of weights is one contiguous stretch. With
// COLS = 1 this is the mat-vec of decoding. Rows of W and of x are padded to 32 with zeros.
#import format
#import pairs

@group(0) @binding(_) var<storage, read> quants: array<RAW>;
#if UNIFORM_X
// Read through a uniform, a value that all lanes share is loaded once, not once per lane.
#if HALF
// Elements of a uniform array take 16 bytes at least.
@group(0) @binding(_) var<uniform> x: array<vec4<u32>, X_QUADS * X_TOKENS / 2u>;
fn x_quad(i: u32) -> vec4<f32> {
    let two = x[i / 2u];
    return from_quad(select(two.xy, two.zw, i % 2u == 1u));
}
#else
@group(0) @binding(_) var<uniform> x: array<vec4<f32>, X_QUADS * X_TOKENS>;
fn x_quad(i: u32) -> vec4<f32> { return x[i]; }
#end
#else
@group(0) @binding(_) var<storage, read> x: array<Quad>;
fn x_quad(i: u32) -> vec4<f32> { return from_quad(x[i]); }
#end
#if HALF_Y
@group(0) @binding(_) var<storage, read_write> y: array<u32>;
// Neighbouring rows, which share a word, are sums of different lanes.
var<workgroup> sums: array<f32, LANES * ROWS>;
#else
@group(0) @binding(_) var<storage, read_write> y: array<f32>;
#end
#if SCALES
@group(0) @binding(_) var<storage, read> scales: array<u32>;
#end
#if BIAS
@group(0) @binding(_) var<storage, read> bias: array<f32>;
#end

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_row = group.x * LANES * ROWS + lane;
    let first_token = group.y * COLS;
#for r in ROWS
    let row_$r = first_row + $ru * LANES;
    // Lanes past the last row compute it once more and write nothing.
    let safe_row_$r = min(row_$r, N_ROWS - 1u);
    var raw_at_$r = first_raw(safe_row_$r);
#if SCALES
    var scale_at_$r = first_scale(safe_row_$r);
#end
#for c in COLS
    var sum_$r_$c = 0.0;
#end
#end
#for c in COLS
    var x_at_$c = (first_token + $cu) * X_QUADS;
#end

#if GROUPED
    for (var first_block = 0u; first_block < K_BLOCKS; first_block += GROUP) {
        let end_block = min(first_block + GROUP, K_BLOCKS);
#if SUPER
        // Sums of the parts, and of x, weighted with the factors of each step.
#for r in ROWS
#for c in COLS
        var super_$r_$c = vec2<f32>(0.0);
#end
#end
#end
#else
    for (var block = 0u; block < K_BLOCKS; block++) {
#end
#if SCALES
#if !SUPER
#for r in ROWS
#for c in COLS
        var part_$r_$c = 0.0;
#end
#end
#if MINS
#for c in COLS
        var x_sum_$c = 0.0;
#end
#end
#end
#end
#if GROUPED
        for (var block = first_block; block < end_block; block++) {
#end
#if SUPER
#for r in ROWS
        let factors_$r = step_scales(scale_at_$r, block - first_block);
#end
#end
#for v in STEPS
#if SUPER
        {
#for c in COLS
        var x_sum_$c = 0.0;
#for r in ROWS
        var part_$r_$c = 0.0;
#end
#end
#end
#for r in ROWS
        let raw_$v_$r = quants[raw_at_$r + $vu * 32u];
#if HIGH
#if SUPER
        let high_$v_$r =
            high_$v(scale_at_$r + (HIGH_AT + (block - first_block) * HIGH_WORDS) * 32u);
#else
        let high_$v_$r = high_$v(scale_at_$r + HIGH_AT * 32u);
#end
#end
#end
#for p in QUADS
#for c in COLS
        let x_$v_$p_$c = x_quad(x_at_$c + $vu * QUADS + $pu);
#if MINS
        x_sum_$c += dot(x_$v_$p_$c, vec4<f32>(1.0));
#end
#end
#for r in ROWS
#if HIGH
        let w_$v_$p_$r = unpack_$p(raw_$v_$r, high_$v_$r);
#else
        let w_$v_$p_$r = unpack_$p(raw_$v_$r);
#end
#for c in COLS
#if SCALES
        part_$r_$c += dot(w_$v_$p_$r, x_$v_$p_$c);
#else
        sum_$r_$c += dot(w_$v_$p_$r, x_$v_$p_$c);
#end
#end
#end
#end
#if SUPER
#for r in ROWS
        let factor_$v_$r = step_scale_$v(factors_$r);
#for c in COLS
        super_$r_$c += factor_$v_$r * vec2<f32>(part_$r_$c, x_sum_$c);
#end
#end
        }
#end
#end
#for r in ROWS
        raw_at_$r += STEPS * 32u;
#end
#for c in COLS
        x_at_$c += 8u;
#end
#if GROUPED
        }
#end
#if SCALES
#for r in ROWS
        let scale_$r = group_scale(scales[scale_at_$r]);
        scale_at_$r += GROUP_WORDS * 32u;
#for c in COLS
#if SUPER
        sum_$r_$c += dot(scale_$r, super_$r_$c);
#else
#if MINS
        sum_$r_$c += scale_$r.x * part_$r_$c + scale_$r.y * x_sum_$c;
#else
        sum_$r_$c += scale_$r.x * part_$r_$c;
#end
#end
#end
#end
#end
    }

#if HALF_Y
#for c in COLS
#for r in ROWS
    sums[lane + $ru * LANES] = sum_$r_$c;
#end
    workgroupBarrier();
    for (var pair = lane; pair < LANES * ROWS / 2u; pair += LANES) {
        let row = group.x * LANES * ROWS + 2u * pair;
        if (row < N_ROWS) {
            let at = ((first_token + $cu) * Y_STRIDE + ROW_START + row) / 2u;
            var values = vec2<f32>(sums[2u * pair], sums[2u * pair + 1u]);
#if BIAS
            values += vec2<f32>(bias[ROW_START + row], bias[ROW_START + row + 1u]);
#end
#if ACCUMULATE
            values += unpack2x16float(y[at]);
#end
            y[at] = pack2x16float(values);
        }
    }
    // The next token's sums go to the same place.
    workgroupBarrier();
#end
#else
#for r in ROWS
    if (row_$r < N_ROWS) {
#if BIAS
        let bias_$r = bias[ROW_START + row_$r];
#end
#for c in COLS
#if BIAS
        sum_$r_$c += bias_$r;
#end
        let y_at_$r_$c = (first_token + $cu) * Y_STRIDE + ROW_START + row_$r;
#if ACCUMULATE
        y[y_at_$r_$c] += sum_$r_$c;
#else
        y[y_at_$r_$c] = sum_$r_$c;
#end
#end
    }
#end
#end
}

// y[t, r] (+)= Σ_k W[r, k] · x[t, k] (+ bias[r])
//
// A lane owns ROWS rows and COLS tokens and walks along k, so nothing is reduced across lanes.
// Neighbouring lanes own neighbouring rows: each load of weights is one contiguous stretch. With
// COLS = 1 this is the mat-vec of decoding. Rows of W and of x are padded to 32 with zeros.
#import format

@group(0) @binding(_) var<storage, read> quants: array<vec4<u32>>;
#if UNIFORM_X
// Read through a uniform, a value that all lanes share is loaded once, not once per lane.
@group(0) @binding(_) var<uniform> x: array<vec4<f32>, X_QUADS>;
#else
@group(0) @binding(_) var<storage, read> x: array<vec4<f32>>;
#end
@group(0) @binding(_) var<storage, read_write> y: array<f32>;
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
    var vector_$r = first_vector(safe_row_$r);
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

    for (var block = 0u; block < K_BLOCKS; block++) {
#if SCALES
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
#for v in VECS
#for r in ROWS
        let raw_$v_$r = quants[vector_$r + $vu * 32u];
#end
#for p in QUADS
#for c in COLS
        let x_$v_$p_$c = x[x_at_$c + $vu * QUADS + $pu];
#if MINS
        x_sum_$c += dot(x_$v_$p_$c, vec4<f32>(1.0));
#end
#end
#for r in ROWS
        let w_$v_$p_$r = unpack_$p(raw_$v_$r);
#for c in COLS
#if SCALES
        part_$r_$c += dot(w_$v_$p_$r, x_$v_$p_$c);
#else
        sum_$r_$c += dot(w_$v_$p_$r, x_$v_$p_$c);
#end
#end
#end
#end
#end
#for r in ROWS
#if SCALES
        let scale_$r = unpack2x16float(scales[scale_at_$r]);
        scale_at_$r += 32u;
#for c in COLS
#if MINS
        sum_$r_$c += scale_$r.x * part_$r_$c + scale_$r.y * x_sum_$c;
#else
        sum_$r_$c += scale_$r.x * part_$r_$c;
#end
#end
#end
        vector_$r += VECS * 32u;
#end
#for c in COLS
        x_at_$c += 8u;
#end
    }

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
}

// y[t, r] (+)= Σ_k W[r, k] · x[t, k] (+ bias[r])
//
// A lane owns ROWS rows and COLS tokens and walks along k: nothing is reduced across lanes in between.
// Neighbouring lanes own neighbouring rows: each load of weights is one contiguous stretch. With
// COLS = 1 this is the mat-vec of decoding. Rows of W and of x are padded to 32 with zeros.
//
// With SLICED a row has SLICES lanes: each takes every so many-th group of blocks, and they put their
// sums together at the end. So few rows have many lanes at work. They are ROW_LANES apart and meet in
// workgroup memory; with BY_SUBGROUP they are SUBGROUP_ROWS apart within one subgroup, and need neither
// memory nor barrier.
//
// With SHARED_X the lanes are one subgroup: each loads SHARED_QUADS of a block's eight quads, and the others
// have them from there.
//
// With STAGED, for many tokens, the lanes of a workgroup load x of STAGE_BLOCKS blocks together, and all of
// them have it from workgroup memory; with READY it lies there as it is multiplied, with its sums.
//
// With SHARED_SCALES scales are texels, and the rows of a lane take whole ones.
//
// With PACKED x comes in signed bytes, as `quantize_x` leaves it, and four products are one instruction.
//
// What stands beside a projection can be done on the way, without a kernel of its own:
// - NORM: x is the residual stream and passes an RMSNorm (arXiv 1910.07467) first. The factor that all
//   values of a token share is taken out of the sum.
// - ACT: rows r and UP_OFFSET + r of W are gate and up of an MLP; y is act(gate) · up.
// - APPEND: rows of W are queries, keys and values; those that turn together go to the KV cache.
// With ACT and APPEND a result takes a pair of rows, which one lane owns.
#import format
#import pairs
#import quants

#import x
#if NORM
@group(0) @binding(_) var<uniform> norm: array<vec4<f32>, X_QUADS>;
#end
#if !APPEND
#if HALF_Y
@group(0) @binding(_) var<storage, read_write> y: array<u32>;
// Neighbouring results, which share a word, are of different lanes.
var<workgroup> results: array<f32, ROW_LANES * RESULTS>;
#else
@group(0) @binding(_) var<storage, read_write> y: array<f32>;
#end
#end
#if SCALES
#import scales
#end
#if BIAS
@group(0) @binding(_) var<storage, read> bias: array<f32>;
#end
#if KEEP
// A copy of the x that was normalised.
@group(0) @binding(_) var<storage, read_write> kept: array<Quad>;
#end
#if ACT
#import act
fn rows_of(pair: u32) -> vec2<u32> { return vec2<u32>(pair, pair + UP_OFFSET); }
#end
#if APPEND
#import append
#if CACHE_TEXELS
// Neighbouring pairs, which share a texel, are of different lanes.
var<workgroup> appended: array<CachedPair, ROW_LANES * RESULTS>;
#end
fn rows_of(pair: u32) -> vec2<u32> { return pair_dims(pair % PAIRS) + head_start(pair / PAIRS); }
#end

#if SHARED_SCALES
// Rows of a lane are ROW_LANES apart, those whose scales are a texel 8: which texel, and which part of it.
const TURNS: u32 = 8u / ROW_LANES;
#for r in ROWS
const TEXEL_$r: u32 = (($ru / (4u * TURNS)) * TURNS) + ($ru % TURNS);
const PART_$r: u32 = ($ru / TURNS) % 4u;
#end
#end

#if X_SUMS
// The same for x as lanes that share it have it.
#if IN_PLACE
const SHARED_SUM: vec4<f32> = X_SUM * vec4<f32>(0x1p0, 0x1p8, 0x1p16, 0x1p24);
#else
const SHARED_SUM: vec4<f32> = X_SUM;
#end
#end

#if STAGED
const STAGE_QUADS: u32 = STAGE_BLOCKS * 8u;
var<workgroup> staged: array<vec4<f32>, COLS * STAGE_QUADS>;
#if READY
#if X_SUMS
const STAGE_STEPS: u32 = STAGE_BLOCKS * STEPS;
var<workgroup> staged_sums: array<f32, COLS * STAGE_STEPS>;
#end
#end
// For all lanes: x of the blocks from `block` on.
fn stage(block: u32, first_token: u32, lane: u32) {
    // Nobody needs the last ones any more.
    workgroupBarrier();
    for (var i = lane; i < COLS * STAGE_QUADS; i += LANES) {
        // Past the end of a row it is the last quad, which nobody uses there.
        let quad = min(block * 8u + i % STAGE_QUADS, X_QUADS - 1u);
        let values = x_quad((first_token + i / STAGE_QUADS) * X_QUADS + quad);
#if READY
#if IN_PLACE
        staged[i] = values * PLACES;
#else
        staged[i] = values;
#end
#else
        staged[i] = values;
#end
    }
    workgroupBarrier();
#if READY
#if X_SUMS
    for (var i = lane; i < COLS * STAGE_STEPS; i += LANES) {
        var sum = 0.0;
#for p in QUADS
        sum += dot(staged[i * QUADS + $pu], SHARED_SUM);
#end
        staged_sums[i] = sum;
    }
    workgroupBarrier();
#end
#end
}
#end

#if SLICED
#if BY_SUBGROUP
// The sum of all slices: of what each lane of the subgroup has here.
fn over_slices(mine: f32) -> f32 {
    var sum = mine;
#for b in SLICE_BITS
    sum += subgroupShuffleXor(sum, SUBGROUP_ROWS << $bu);
#end
    return sum;
}
#else
#if NORM
const SUMS: u32 = ROWS + 1u;
#else
const SUMS: u32 = ROWS;
#end
var<workgroup> slice_sums: array<f32, COLS * SUMS * LANES>;
// The sum of all slices of the sum number `i` of a lane.
fn over_slices(i: u32, row_lane: u32) -> f32 {
    var sum = 0.0;
    for (var slice = 0u; slice < SLICES; slice++) {
        sum += slice_sums[i * LANES + slice * ROW_LANES + row_lane];
    }
    return sum;
}
#end
#if !SCALES
// Without scales each block is a group of its own.
const GROUP: u32 = 1u;
#end
// To the next group of the same slice.
const REST: u32 = (SLICES - 1u) * GROUP;
#end

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
#if BY_SUBGROUP
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) subgroup_lane: u32,
#end
) {
#if SLICED
#if BY_SUBGROUP
    let row_lane = subgroup * SUBGROUP_ROWS + subgroup_lane % SUBGROUP_ROWS;
    let slice = subgroup_lane / SUBGROUP_ROWS;
#else
    let row_lane = lane % ROW_LANES;
    let slice = lane / ROW_LANES;
#end
#else
    let row_lane = lane;
    let slice = 0u;
#end
    let first_place = group.x * ROW_LANES * RESULTS + row_lane;
    let first_token = group.y * COLS;
#if PAIRED
    var rows: array<u32, ROWS>;
#end
#for r in RESULTS
    let place_$r = first_place + $ru * ROW_LANES;
    // Lanes past the last result compute it once more and write nothing.
    let safe_$r = min(place_$r, N_RESULTS - 1u);
#if PAIRED
    let pair_$r = rows_of(safe_$r);
    rows[$ru] = pair_$r.x;
    rows[$ru + RESULTS] = pair_$r.y;
#end
#end
#for r in ROWS
#if PAIRED
    let row_$r = rows[$ru];
#else
    let row_$r = safe_$r;
#end
    var raw_at_$r = first_raw(row_$r);
#if SCALES
    var scale_at_$r = first_scale(row_$r);
#end
#if SLICED
    raw_at_$r += slice * GROUP * STEPS * 32u;
#if SCALES
    scale_at_$r += slice * GROUP_WORDS * 32u;
#end
#end
#for c in COLS
    var sum_$r_$c = 0.0;
#end
#end
#for c in COLS
    var x_at_$c = (first_token + $cu) * X_QUADS;
#if SLICED
    x_at_$c += slice * GROUP * BLOCK_QUADS;
#end
#if NORM
    var squares_$c = 0.0;
#end
#end
#if KEEP
    if (group.x == 0u) {
        for (var i = lane; i < COLS * X_QUADS; i += LANES) {
            kept[first_token * X_QUADS + i] = to_quad(x_quad(first_token * X_QUADS + i));
        }
    }
#end

#if GROUPED
    for (var first_block = slice * GROUP; first_block < K_BLOCKS; first_block += SLICES * GROUP) {
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
    for (var block = slice; block < K_BLOCKS; block += SLICES) {
#end
#if SCALES
#if !SUPER
#for r in ROWS
#for c in COLS
        var part_$r_$c = 0.0;
#end
#end
#if X_SUMS
#for c in COLS
        var x_sum_$c = 0.0;
#end
#end
#end
#end
#if GROUPED
        for (var block = first_block; block < end_block; block++) {
#end
#if PACKED
#import block_packed
#else
#import block_floats
#end
#for r in ROWS
        raw_at_$r += STEPS * 32u;
#end
#for c in COLS
        x_at_$c += BLOCK_QUADS;
#end
#if GROUPED
        }
#end
#if SCALES
#if SHARED_SCALES
        var texels: array<vec4<u32>, SCALE_TEXELS_PER_LANE>;
#for r in ROWS
        if (PART_$r == 0u) { texels[TEXEL_$r] = scales_beside(scale_at_$r); }
#end
#end
#for r in ROWS
#if SHARED_SCALES
        let scale_$r = group_scale(texels[TEXEL_$r][PART_$r]);
#else
        let scale_$r = group_scale(scale_word(scale_at_$r));
#end
        scale_at_$r += SLICES * GROUP_WORDS * 32u;
#for c in COLS
#if SUPER
        sum_$r_$c += dot(scale_$r, super_$r_$c);
#else
#if MINS
        sum_$r_$c += scale_$r.x * part_$r_$c + scale_$r.y * x_sum_$c;
#else
#if LIFTED
        sum_$r_$c += scale_$r.x * (part_$r_$c + x_sum_$c);
#else
        sum_$r_$c += scale_$r.x * part_$r_$c;
#end
#end
#end
#end
#end
#end
#if SLICED
#for r in ROWS
        raw_at_$r += REST * STEPS * 32u;
#end
#for c in COLS
        x_at_$c += REST * BLOCK_QUADS;
#end
#end
    }

#if SLICED
#if BY_SUBGROUP
#for c in COLS
#for r in ROWS
    sum_$r_$c = over_slices(sum_$r_$c);
#end
#if NORM
    squares_$c = over_slices(squares_$c);
#end
#end
#else
#for c in COLS
#for r in ROWS
    slice_sums[($cu * SUMS + $ru) * LANES + lane] = sum_$r_$c;
#end
#if NORM
    slice_sums[($cu * SUMS + ROWS) * LANES + lane] = squares_$c;
#end
#end
    workgroupBarrier();
#for c in COLS
#for r in ROWS
    sum_$r_$c = over_slices($cu * SUMS + $ru, row_lane);
#end
#if NORM
    squares_$c = over_slices($cu * SUMS + ROWS, row_lane);
#end
#end
#end
#end
#for c in COLS
#if NORM
#if SHARED_X
    squares_$c = subgroupAdd(squares_$c);
#end
    let norm_$c = inverseSqrt(squares_$c / f32(NORM_N) + NORM_EPS);
#end
#for r in ROWS
#if NORM
    sum_$r_$c *= norm_$c;
#end
#if BIAS
    sum_$r_$c += bias[ROW_START + row_$r];
#end
#end
#if PAIRED
    var sums_$c: array<f32, ROWS>;
#for r in ROWS
    sums_$c[$ru] = sum_$r_$c;
#end
#end
#for r in RESULTS
#if PAIRED
    let two_$r_$c = vec2<f32>(sums_$c[$ru], sums_$c[$ru + RESULTS]);
#end
#if ACT
    let result_$r_$c = act(two_$r_$c.xx).x * two_$r_$c.y;
#end
#if !PAIRED
    let result_$r_$c = sum_$r_$c;
#end
#end
#end

#if APPEND
#for c in COLS
#if CACHE_TEXELS
#for r in RESULTS
    if (slice == 0u && place_$r < N_RESULTS && first_token + $cu < step.n_tokens) {
        appended[row_lane + $ru * ROW_LANES] =
            to_append(first_token + $cu, place_$r / PAIRS, place_$r % PAIRS, two_$r_$c);
    }
#end
    workgroupBarrier();
    for (var i = lane * TEXEL_PAIRS; i < ROW_LANES * RESULTS; i += LANES * TEXEL_PAIRS) {
        let place = group.x * ROW_LANES * RESULTS + i;
        if (place < N_RESULTS && first_token + $cu < step.n_tokens) {
            var pairs: array<CachedPair, TEXEL_PAIRS>;
#for p in TEXEL_PAIRS
            pairs[$pu] = appended[i + $pu];
#end
            append_texel(first_token + $cu, place / PAIRS, place % PAIRS, pairs);
        }
    }
    // The next token's pairs go to the same place.
    workgroupBarrier();
#else
#for r in RESULTS
    if (slice == 0u && place_$r < N_RESULTS && first_token + $cu < step.n_tokens) {
        append(first_token + $cu, place_$r / PAIRS, place_$r % PAIRS, two_$r_$c);
    }
#end
#end
#end
#else
#if HALF_Y
#for c in COLS
#for r in RESULTS
    if (slice == 0u) {
        results[row_lane + $ru * ROW_LANES] = result_$r_$c;
    }
#end
    workgroupBarrier();
    for (var two = lane; two < ROW_LANES * RESULTS / 2u; two += LANES) {
        let place = group.x * ROW_LANES * RESULTS + 2u * two;
        if (place < N_RESULTS) {
            let at = ((first_token + $cu) * Y_STRIDE + ROW_START + place) / 2u;
            var values = vec2<f32>(results[2u * two], results[2u * two + 1u]);
#if ACCUMULATE
            values += unpack2x16float(y[at]);
#end
            y[at] = pack2x16float(values);
        }
    }
    // The next token's results go to the same place.
    workgroupBarrier();
#end
#else
#for r in RESULTS
    if (slice == 0u && place_$r < N_RESULTS) {
#for c in COLS
        let y_at_$r_$c = (first_token + $cu) * Y_STRIDE + ROW_START + place_$r;
#if ACCUMULATE
        y[y_at_$r_$c] += result_$r_$c;
#else
        y[y_at_$r_$c] = result_$r_$c;
#end
#end
    }
#end
#end
#end
}

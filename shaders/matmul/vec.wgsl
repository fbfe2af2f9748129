// y[t, r] = Σ_k W[r, k] · x[t, k], for one token or a few: decoding.
//
// An invocation owns ROWS_EACH rows of W and every SLICES-th block of them (split-K); the invocations of a slice own
// neighbouring rows, so that each load of weights is contiguous. x is staged in workgroup memory for all rows. The
// slices of a row are summed there too, and the epilogue stores the sums.
//
// Units: `format` unpacks a block of W, `norm` normalises x, `x` stages activations and multiplies them by a block,
// `bias` adds to the sums, `epilogue` stores the results.
#import format, norm, x, bias, epilogue

// Invocations of a slice.
const SLICE: u32 = INVOCATIONS / SLICES;
const ROWS: u32 = SLICE * ROWS_EACH;
const SPAN: u32 = ROWS / 2u;
// For `cargo xtask isa`, of the inner loop.
const WEIGHTS_PER_TRIP: u32 = 32u * UNROLL * ROWS_EACH;

// [COLS, SLICES, ROWS]
var<workgroup> slice_sums: array<f32, COLS * SLICES * ROWS>;
// [COLS, ROWS]
var<workgroup> totals: array<f32, COLS * ROWS>;

// [ROWS_EACH, COLS]: the sums of this invocation.
var<private> sums: array<f32, ROWS_EACH * COLS>;

// Adds the products of a block of its rows and block `i` of the staged x.
fn add(blocks: array<Block, ROWS_EACH>, i: u32) {
#for c in COLS
    let x_$c = x_chunk[$cu * CHUNK + i];
    #for r in ROWS_EACH
    sums[$ru * COLS + $cu] += product(blocks[$r], x_$c);
    #end
#end
}

// The result of row `j` of the workgroup for a token.
fn total(group: u32, col: u32, j: u32) -> f32 {
    var sum = 0.0;
    for (var slice = 0u; slice < SLICES; slice++) {
        sum += slice_sums[(col * SLICES + slice) * ROWS + j];
    }
    return fma(sum, factor_of(col), bias_of(row_at(group, j)));
}

fn four_totals(at: u32) -> vec4<f32> {
    return vec4<f32>(totals[at], totals[at + 1u], totals[at + 2u], totals[at + 3u]);
}

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) invocation: u32) {
    let first_token = group.y * COLS;
    let slice = invocation / SLICE;
#for r in ROWS_EACH
    let start_$r = row_start(row_at(group.x, $ru * SLICE + invocation % SLICE));
#end
    for (var first_block = 0u; first_block < K_BLOCKS; first_block += CHUNK) {
        workgroupBarrier();
        stage(first_token, first_block, invocation, group.x == 0u);
        workgroupBarrier();
        // All invocations run the same iterations; past the last block x is zero.
        let end = min(CHUNK, K_BLOCKS - first_block);
        for (var i = 0u; i < end; i += UNROLL * SLICES) {
#for u in UNROLL
            var blocks_$u: array<Block, ROWS_EACH>;
            let i_$u = i + $uu * SLICES + slice;
    #for r in ROWS_EACH
            blocks_$u[$r] = load_block(start_$r, min(first_block + i_$u, K_BLOCKS - 1u));
    #end
            add(blocks_$u, i_$u);
#end
        }
    }
#for r in ROWS_EACH, c in COLS
    slice_sums[($cu * SLICES + slice) * ROWS + $ru * SLICE + invocation % SLICE] = sums[$ru * COLS + $cu];
#end
    find_factors(invocation);
    workgroupBarrier();
    for (var i = invocation; i < COLS * ROWS; i += INVOCATIONS) {
        totals[i] = total(group.x, i / ROWS, i % ROWS);
    }
    workgroupBarrier();
    for (var i = invocation; i < COLS * ROWS / 8u; i += INVOCATIONS) {
        let octet = i % (ROWS / 8u);
        let col = i / (ROWS / 8u);
        let low = four_totals(col * ROWS + octet_row(octet, 0u));
        let high = four_totals(col * ROWS + octet_row(octet, 1u));
        finish(group.x, octet, first_token + col, low, high);
    }
}

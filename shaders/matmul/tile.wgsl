// y[t, r] = Σ_k W[r, k] · x[t, k], for many tokens: prompts and large batches.
//
// A workgroup of 8 × TOKEN_PARTS invocations computes a tile of 64 rows by TOKENS tokens, an invocation 8 rows by
// COLS tokens in registers. Both operands are staged in workgroup memory step by step along k: each weight is loaded
// and unpacked once for TOKENS tokens, each x once for 64 rows.
//
// Units: `format` unpacks a block of W, `x` stages both operands and multiplies them, `bias` adds to the sums,
// `epilogue` stores the results.
#import format, x, bias, epilogue

const INVOCATIONS: u32 = 8u * TOKEN_PARTS;
const SPAN: u32 = 4u;
const COLS: u32 = 4u * TOKEN_QUADS;
const TOKENS: u32 = COLS * TOKEN_PARTS;

#for v in TOKEN_QUADS
// [8 rows]: sums of four tokens of this invocation.
var<private> sums_$v: array<vec4<f32>, 8>;
#end

fn four_biases(group: u32, octet: u32, side: u32) -> vec4<f32> {
    let j = octet_row(octet, side);
    var four: vec4<f32>;
    for (var i = 0u; i < 4u; i++) { four[i] = bias_of(row_at(group, j + i)); }
    return four;
}

// Passes the sums of eight rows for a token to the epilogue.
fn leave(group: u32, octet: u32, token: u32, low: vec4<f32>, high: vec4<f32>) {
    finish(group, octet, token, low + four_biases(group, octet, 0u), high + four_biases(group, octet, 1u));
}

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) invocation: u32) {
    let first_token = group.y * TOKENS;
    let octet = invocation % 8u;
    let token_part = invocation / 8u;
    let start = row_start(row_at(group.x, invocation % ROWS));
    let x_rows = arrayLength(&x) / X_ROW;
    let token = min(first_token + invocation % TOKENS, x_rows - 1u);
    for (var block = 0u; block < K_BLOCKS; block++) {
        let b = load_block(start, block);
        for (var part = 0u; part < PARTS; part++) {
            workgroupBarrier();
            stage(b, block, part, token, invocation);
            workgroupBarrier();
            multiply(octet, token_part);
        }
    }
#for v in TOKEN_QUADS, t in 4
    leave(
        group.x, octet, first_token + token_part * COLS + 4u * $vu + $tu,
        vec4<f32>(sums_$v[0][$t], sums_$v[1][$t], sums_$v[2][$t], sums_$v[3][$t]),
        vec4<f32>(sums_$v[4][$t], sums_$v[5][$t], sums_$v[6][$t], sums_$v[7][$t]));
#end
}

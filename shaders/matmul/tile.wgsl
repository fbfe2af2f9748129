// y[t, r] = Σ_k W[r, k] · x[t, k], for many tokens: prompts and large batches.
//
// A workgroup of 8 × 8 invocations computes a tile of 64 rows by TOKENS tokens, an invocation 8 rows by COLS
// tokens in registers. In steps of 16 along k both operands are brought to workgroup memory, the weights unpacked
// and scaled: each weight is loaded and unpacked once for TOKENS tokens, each x once for 64 rows.
//
// Units: `format` unpacks a block of W, `x` loads activations, `bias` adds to the sums, `epilogue` takes the
// results.
#import format, x, bias, epilogue

const INVOCATIONS: u32 = 64u;
const SPAN: u32 = 4u;
// Values of k that a trip of the inner loop takes.
const UNROLL: u32 = 2u;
// Of the inner loop, for `cargo xtask isa`.
const PRODUCTS_PER_TRIP: u32 = 8u * COLS * UNROLL;
const TOKENS: u32 = 8u * COLS;

// [16 of k, 8 octets of rows]: the weights of eight rows.
var<workgroup> w_tile: array<array<vec4<f32>, 2>, 128>;
// [16 of k, 8 parts of the tokens]: the values of COLS tokens.
var<workgroup> x_tile: array<array<vec4<f32>, TOKEN_QUADS>, 128>;

fn four_biases(group: u32, octet: u32, side: u32) -> vec4<f32> {
    let j = octet_row(octet, side);
    var four: vec4<f32>;
    for (var i = 0u; i < 4u; i++) { four[i] = bias_of(row_at(group, j + i)); }
    return four;
}

// Brings half a block of weights of the invocation's row, and of x of its token, to workgroup memory.
fn stage(b: Block, block: u32, half: u32, token: u32, invocation: u32) {
    var w = values(b, half);
    if (SCALED) {
        let a = affine(b, half);
#for q in 4
        w[$q] = fma(w[$q], vec4<f32>(a.x), vec4<f32>(a.y));
#end
    }
    let octet = invocation / 8u;
    let place = invocation % 8u;
#for q in 4, j in 4
    w_tile[(4u * $qu + $ju) * 8u + octet][place / 4u][place % 4u] = w[$q][$j];
#end
    if (invocation < TOKENS) {
        let values = x_half(token, 2u * block + half);
        let part = invocation / COLS;
        let token_place = invocation % COLS;
#for q in 4, j in 4
        x_tile[(4u * $qu + $ju) * 8u + part][token_place / 4u][token_place % 4u] = values[$q][$j];
#end
    }
}

#for v in TOKEN_QUADS
// [8 rows]: of four tokens of this invocation.
var<private> sums_$v: array<vec4<f32>, 8>;
#end

// Adds the products at place `i` of the 16 along k.
fn multiply(i: u32, octet: u32, token_part: u32) {
    let w = w_tile[i * 8u + octet];
    let x = x_tile[i * 8u + token_part];
#for v in TOKEN_QUADS, r in 4
    sums_$v[$r] = fma(vec4<f32>(w[0][$r]), x[$v], sums_$v[$r]);
    sums_$v[4u + $ru] = fma(vec4<f32>(w[1][$r]), x[$v], sums_$v[4u + $ru]);
#end
}

// Gives the sums of eight rows for a token to the epilogue.
fn leave(group: u32, octet: u32, token: u32, low: vec4<f32>, high: vec4<f32>) {
    finish(group, octet, token, low + four_biases(group, octet, 0u), high + four_biases(group, octet, 1u));
}

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) invocation: u32) {
    let first_token = group.y * TOKENS;
    let octet = invocation % 8u;
    let token_part = invocation / 8u;
    let start = row_start(row_at(group.x, invocation));
    let x_rows = arrayLength(&x) / X_ROW;
    let token = min(first_token + invocation, x_rows - 1u);
    for (var block = 0u; block < K_BLOCKS; block++) {
        let b = load_block(start, block);
        for (var half = 0u; half < 2u; half++) {
            workgroupBarrier();
            stage(b, block, half, token, invocation);
            workgroupBarrier();
            for (var i = 0u; i < 16u; i += UNROLL) {
#for u in 2
                multiply(i + $uu, octet, token_part);
#end
            }
        }
    }
#for v in TOKEN_QUADS, t in 4
    leave(
        group.x, octet, first_token + token_part * COLS + 4u * $vu + $tu,
        vec4<f32>(sums_$v[0][$t], sums_$v[1][$t], sums_$v[2][$t], sums_$v[3][$t]),
        vec4<f32>(sums_$v[4][$t], sums_$v[5][$t], sums_$v[6][$t], sums_$v[7][$t]));
#end
}

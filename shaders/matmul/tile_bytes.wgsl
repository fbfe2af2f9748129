// The tile of `matmul/tile` as bytes, a block at a time: four products are one instruction, and sums of 16 or 32 of
// them are exact. Scales and minimums are applied once per block, or per half block that has its own. An invocation
// has four tokens, because the integer sums need registers in addition to the float sums.
#import matmul/x_bytes

// Parts of a block, each staged separately.
const PARTS: u32 = 1u;
// Sums of a block with a scale of their own.
const FOLDS: u32 = select(1u, 2u, HALF_SCALES);
// For `cargo xtask isa`, of the loop over blocks: 8 rows, 4 tokens.
const PRODUCTS_PER_TRIP: u32 = 8u * 4u * 32u;

// [8 words, 8 octets of rows]: the signed weights of eight rows, four per word.
var<workgroup> w_tile: array<array<vec4<u32>, 2>, 64>;
// [8 words, TOKEN_PARTS]: the bytes of four tokens, four per word.
var<workgroup> x_tile: array<vec4<u32>, 8u * TOKEN_PARTS>;
// [FOLDS, 8 octets of rows]: w = scale · byte + minimum.
var<workgroup> w_scales: array<array<vec4<f32>, 2>, 8u * FOLDS>;
var<workgroup> w_minimums: array<array<vec4<f32>, 2>, 8u * FOLDS>;
// [TOKEN_PARTS]: x = scale · byte.
var<workgroup> x_scales: array<vec4<f32>, TOKEN_PARTS>;
// [FOLDS, TOKEN_PARTS]: sums of x.
var<workgroup> x_sums: array<vec4<f32>, FOLDS * TOKEN_PARTS>;

// Half a block of weights of a row. CENTRE is subtracted from unsigned bytes to make them signed.
fn stage_weights(b: Block, half: u32, row: u32) {
    let octet = row / 8u;
    let place = row % 8u;
    let words = numbers(b, half) ^ vec4<u32>(select(0u, 0x80808080u, CENTRE > 0.0));
#for j in 4
    w_tile[(4u * half + $ju) * 8u + octet][place / 4u][place % 4u] = words[$j];
#end
    if (half < FOLDS) {
        let a = affine(b, half);
        w_scales[half * 8u + octet][place / 4u][place % 4u] = a.x;
        w_minimums[half * 8u + octet][place / 4u][place % 4u] = fma(a.x, CENTRE, a.y);
    }
}

// Stages a block of weights of the invocation's row, and half a block of x of its token.
fn stage(b: Block, block: u32, part: u32, token: u32, invocation: u32) {
#for s in ROW_STAGES
    stage_weights(b, (invocation + $su * INVOCATIONS) / 64u, invocation % 64u);
#end
    let half = invocation / TOKENS;
    let token_part = invocation % TOKENS / 4u;
    let words = x_word(token, 3u * block + half);
#for j in 4
    x_tile[(4u * half + $ju) * TOKEN_PARTS + token_part][invocation % 4u] = words[$j];
#end
    if (half < FOLDS) {
        let factors = bitcast<vec4<f32>>(x_word(token, 3u * block + 2u));
        x_scales[token_part][invocation % 4u] = factors.x;
        x_sums[half * TOKEN_PARTS + token_part][invocation % 4u] = select(factors.w, factors[1u + half], HALF_SCALES);
    }
}

// Adds the products of a word of four rows and four tokens to `sums`, a vector of tokens per row.
fn dots(sums: array<vec4<i32>, 4>, w: vec4<u32>, x: vec4<u32>) -> array<vec4<i32>, 4> {
    return array<vec4<i32>, 4>(
        sums[0] + dots_of_row(w.x, x), sums[1] + dots_of_row(w.y, x),
        sums[2] + dots_of_row(w.z, x), sums[3] + dots_of_row(w.w, x));
}

fn dots_of_row(w: u32, x: vec4<u32>) -> vec4<i32> {
    return vec4<i32>(dot4I8Packed(w, x.x), dot4I8Packed(w, x.y), dot4I8Packed(w, x.z), dot4I8Packed(w, x.w));
}

// Adds the products of the staged operands.
fn multiply(octet: u32, token_part: u32) {
    let x_scale = x_scales[token_part];
    var low: array<vec4<i32>, 4>;
    var high: array<vec4<i32>, 4>;
#for h in 2
    #for j in 4
    let w_$h_$j = w_tile[(4u * $hu + $ju) * 8u + octet];
    let x_$h_$j = x_tile[(4u * $hu + $ju) * TOKEN_PARTS + token_part];
    low = dots(low, w_$h_$j[0], x_$h_$j);
    high = dots(high, w_$h_$j[1], x_$h_$j);
    #end
    if ($hu + 1u == 2u || HALF_SCALES) {
        let fold = min($hu, FOLDS - 1u);
        let row_scales = w_scales[fold * 8u + octet];
        let minimums = w_minimums[fold * 8u + octet];
        let x_sum = x_sums[fold * TOKEN_PARTS + token_part];
    #for r in 4
        sums_0[$r] += fma(vec4<f32>(low[$r]), row_scales[0][$r] * x_scale, minimums[0][$r] * x_sum);
        sums_0[4u + $ru] += fma(vec4<f32>(high[$r]), row_scales[1][$r] * x_scale, minimums[1][$r] * x_sum);
    #end
        low = array<vec4<i32>, 4>();
        high = array<vec4<i32>, 4>();
    }
#end
}

// The tile of `matmul/tile` as floats: half a block of unpacked and scaled weights at a time, and as many values of
// x.
#import matmul/x_floats

// Parts of a block, each staged separately.
const PARTS: u32 = 2u;
// Values of k per iteration of the inner loop.
const UNROLL: u32 = 2u;
// For `cargo xtask isa`, of the inner loop.
const PRODUCTS_PER_TRIP: u32 = 8u * COLS * UNROLL;

// [16 of k, 8 octets of rows]: the weights of eight rows.
var<workgroup> w_tile: array<array<vec4<f32>, 2>, 128>;
// [16 of k, TOKEN_PARTS]: the values of COLS tokens.
var<workgroup> x_tile: array<array<vec4<f32>, TOKEN_QUADS>, 16u * TOKEN_PARTS>;

// Stages half a block of weights of the invocation's row, and of x of its token.
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
        x_tile[(4u * $qu + $ju) * TOKEN_PARTS + part][token_place / 4u][token_place % 4u] = values[$q][$j];
#end
    }
}

// Adds the products of element `i` of the 16 along k.
fn multiply_at(i: u32, octet: u32, token_part: u32) {
    let w = w_tile[i * 8u + octet];
    let x = x_tile[i * TOKEN_PARTS + token_part];
#for v in TOKEN_QUADS, r in 4
    sums_$v[$r] = fma(vec4<f32>(w[0][$r]), x[$v], sums_$v[$r]);
    sums_$v[4u + $ru] = fma(vec4<f32>(w[1][$r]), x[$v], sums_$v[4u + $ru]);
#end
}

// Adds the products of the staged operands.
fn multiply(octet: u32, token_part: u32) {
    for (var i = 0u; i < 16u; i += UNROLL) {
#for u in 2
        multiply_at(i + $uu, octet, token_part);
#end
    }
}

// x of `matmul/vec` as floats in workgroup memory: CHUNK blocks at a time, with values that all invocations would
// otherwise compute: the sums for the minimums, and x times the weights of its RMSNorm.
#import matmul/x_floats

// A block of x, and the sums of its halves.
struct XBlock { values: array<vec4<f32>, 8>, sums: vec2<f32> }
// [COLS, CHUNK blocks]
var<workgroup> x_chunk: array<XBlock, COLS * CHUNK>;

fn stage_half(token: u32, col: u32, half: u32, i: u32, is_first_group: bool) {
    var values: array<vec4<f32>, 4>;
    if (half < 2u * K_BLOCKS) {
        values = x_half(token, half);
#for q in 4
        values[$q] = normed(values[$q], token, col, half * 4u + $qu, is_first_group);
#end
    }
    let block = col * CHUNK + i / 2u;
    let first = 4u * (i % 2u);
    x_chunk[block].values[first] = values[0];
    x_chunk[block].values[first + 1u] = values[1];
    x_chunk[block].values[first + 2u] = values[2];
    x_chunk[block].values[first + 3u] = values[3];
    let sums = values[0] + values[1] + values[2] + values[3];
    x_chunk[block].sums[i % 2u] = sums.x + sums.y + sums.z + sums.w;
}

// Stages the blocks from `first_block`, with zeros after the last.
fn stage(first_token: u32, first_block: u32, invocation: u32, is_first_group: bool) {
    for (var i = invocation; i < 2u * CHUNK; i += INVOCATIONS) {
        let half = first_block * 2u + i;
#for c in COLS
        stage_half(first_token + $cu, $cu, half, i, is_first_group);
#end
    }
}

// `sum` plus Σ over the 16 weights of half a block.
fn half_dot(w: array<vec4<f32>, 4>, x: array<vec4<f32>, 4>, sum: vec4<f32>) -> vec4<f32> {
    return fma(w[3], x[3], fma(w[2], x[2], fma(w[1], x[1], fma(w[0], x[0], sum))));
}

fn sum_of(v: vec4<f32>) -> f32 { return (v.x + v.y) + (v.z + v.w); }

// Σ w · x over a block.
fn product(b: Block, x: XBlock) -> f32 {
    let low = half_dot(
        values(b, 0u), array<vec4<f32>, 4>(x.values[0], x.values[1], x.values[2], x.values[3]), vec4<f32>(0.0));
    let x_high = array<vec4<f32>, 4>(x.values[4], x.values[5], x.values[6], x.values[7]);
    if (!HALF_SCALES) {
        let all = sum_of(half_dot(values(b, 1u), x_high, low));
        if (!SCALED) {
            return all;
        }
        let a = affine(b, 0u);
        return fma(a.x, all, a.y * (x.sums.x + x.sums.y));
    }
    let high = half_dot(values(b, 1u), x_high, vec4<f32>(0.0));
    let a = affine(b, 0u);
    let c = affine(b, 1u);
    return fma(a.x, sum_of(low), a.y * x.sums.x) + fma(c.x, sum_of(high), c.y * x.sums.y);
}

// A block of x in signed bytes, as `quantize_x` leaves it, for `software/matmul`.
#import pairs, norm

// 32 bytes of a token; (scale, sum of the first 16 values, sum of the last 16, sum of all).
struct XBlock { low: vec4<u32>, high: vec4<u32>, scales: vec4<f32> }

fn load_x(token: u32, col: u32, block: u32, lane: u32, is_first_group: bool) -> XBlock {
    let at = token * X_ROW + block * 3u;
#if SHARED_X
    let mine = x_element(at + min(lane, 2u));
    let scales = subgroupBroadcast(mine, 2u);
    return XBlock(subgroupBroadcast(mine, 0u), subgroupBroadcast(mine, 1u), bitcast<vec4<f32>>(scales));
#else
    return XBlock(x_element(at), x_element(at + 1u), bitcast<vec4<f32>>(x_element(at + 2u)));
#end
}

// Σ over the 16 weights of half a block. Numbers above 127 are taken CENTRE lower, to be signed.
fn half_dot(n: vec4<u32>, x: vec4<u32>) -> i32 {
    let w = n ^ vec4<u32>(select(0u, 0x80808080u, CENTRE > 0.0));
    return dot4I8Packed(w.x, x.x) + dot4I8Packed(w.y, x.y) + dot4I8Packed(w.z, x.z) + dot4I8Packed(w.w, x.w);
}

// Σ w · x over a block.
fn product(b: Block, x: XBlock) -> f32 {
    let low = half_dot(numbers(b, 0u), x.low);
    let high = half_dot(numbers(b, 1u), x.high);
    let a = affine(b, 0u);
    if (!HALF_SCALES) {
        return a.x * x.scales.x * f32(low + high) + (a.y + CENTRE * a.x) * x.scales.w;
    }
    let c = affine(b, 1u);
    return (a.x * x.scales.x * f32(low) + a.y * x.scales.y) + (c.x * x.scales.x * f32(high) + c.y * x.scales.z);
}

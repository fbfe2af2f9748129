// A block of x in signed bytes, as `quantize_x` writes it, for `software/matmul`.
#import pairs, norm

// 32 bytes of a token, in halves; (scale, sum of the first 16 values, sum of the last 16, sum of all).
struct XBlock { halves: array<vec4<u32>, 2>, scales: vec4<f32> }

fn x_block(low: vec4<u32>, high: vec4<u32>, scales: vec4<u32>) -> XBlock {
    return XBlock(array<vec4<u32>, 2>(low, high), bitcast<vec4<f32>>(scales));
}

fn load_x(token: u32, col: u32, block: u32, lane: u32, is_first_group: bool) -> XBlock {
    let at = token * X_ROW + block * 3u;
#if SHARED_X
    let mine = x_element(at + min(lane, 2u));
    return x_block(subgroupBroadcast(mine, 0u), subgroupBroadcast(mine, 1u), subgroupBroadcast(mine, 2u));
#else
    return x_block(x_element(at), x_element(at + 1u), x_element(at + 2u));
#end
}

// Σ w · x over the first half of a block, and over the second. CENTRE is subtracted from unsigned bytes to make them
// signed.
#for h in 2
fn product_$h(b: Block, x: XBlock) -> f32 {
    let w = numbers(b, $hu) ^ vec4<u32>(select(0u, 0x80808080u, CENTRE > 0.0));
    let v = x.halves[$h];
    let sum = dot4I8Packed(w.x, v.x) + dot4I8Packed(w.y, v.y) + dot4I8Packed(w.z, v.z) + dot4I8Packed(w.w, v.w);
    let a = affine(b, $hu);
    return a.x * x.scales.x * f32(sum) + (a.y + CENTRE * a.x) * x.scales[$h + 1];
}
#end

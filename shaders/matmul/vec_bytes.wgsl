// x of `matmul/vec` in signed bytes in workgroup memory, CHUNK blocks at a time. Four products are one
// instruction, and sums of 16 or 32 of them are exact.
#import matmul/x_bytes

// A block of x: its bytes, and (scale, sum of the first 16 values, sum of the last 16, sum of all).
struct XBlock { elements: array<vec4<u32>, 3> }
// [COLS, CHUNK blocks]
var<workgroup> x_chunk: array<XBlock, COLS * CHUNK>;

// Stages the blocks from `first_block`, with zeros after the last.
fn stage(first_token: u32, first_block: u32, invocation: u32, is_first_group: bool) {
    for (var i = invocation; i < 3u * CHUNK; i += INVOCATIONS) {
        let word = first_block * 3u + i;
#for c in COLS
        var x_$c = vec4<u32>(0u);
        if (word < 3u * K_BLOCKS) { x_$c = x_word(first_token + $cu, word); }
        x_chunk[$cu * CHUNK + i / 3u].elements[i % 3u] = x_$c;
#end
    }
}

// Σ over the 16 weights of half a block. CENTRE is subtracted from unsigned bytes to make them signed.
fn half_dot(n: vec4<u32>, x: vec4<u32>) -> i32 {
    let w = n ^ vec4<u32>(select(0u, 0x80808080u, CENTRE > 0.0));
    return dot4I8Packed(w.x, x.x) + dot4I8Packed(w.y, x.y) + dot4I8Packed(w.z, x.z) + dot4I8Packed(w.w, x.w);
}

// Σ w · x over a block.
fn product(b: Block, x: XBlock) -> f32 {
    let low = half_dot(numbers(b, 0u), x.elements[0]);
    let high = half_dot(numbers(b, 1u), x.elements[1]);
    let x_scales = bitcast<vec4<f32>>(x.elements[2]);
    let a = affine(b, 0u);
    if (!HALF_SCALES) {
        return fma(a.x * x_scales.x, f32(low + high), (a.y + CENTRE * a.x) * x_scales.w);
    }
    let c = affine(b, 1u);
    let first = fma(a.x * x_scales.x, f32(low), a.y * x_scales.y);
    return first + fma(c.x * x_scales.x, f32(high), c.y * x_scales.z);
}

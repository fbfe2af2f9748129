// x in signed bytes for `matmul`, as in llama.cpp's q8_1: the largest magnitude of each block of 32 values becomes
// 127, and the others are rounded to that grid.
//
// One workgroup per token; an invocation packs whole blocks. A block is three vec4<u32>s: 32 bytes in order, then as
// floats its scale, the sums of its halves, and its sum, all after rounding.
//
// With NORM x is normalised first (RMSNorm, arXiv 1910.07467): the factor of the token only changes the scales.
#import pairs
#if NORM
    #import reduce
#end

// [tokens, ROW_QUADS]
@binding(x) var<storage, read> x: array<Quad>;
// [ROW_QUADS]: the weights of the norm.
@binding(weight) var<storage, read> weight: array<vec4<f32>>;
// [tokens, PACKED_QUADS]
@binding(packed) var<storage, read_write> packed: array<vec4<u32>>;
// [tokens, ROW_QUADS]: a copy of the x that was normalised.
@binding(kept) var<storage, read_write> kept: array<Quad>;

const ROW_QUADS: u32 = BLOCKS * 8u;
// Smaller magnitudes count as zero, because their reciprocal might be infinite: the bits of 1e-30.
const LEAST: u32 = 0x0da24260u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let token = group.x;
    var factor = 1.0;
#if NORM
    var squares = 0.0;
    for (var i = lane; i < ROW_QUADS; i += LANES) {
        let values = from_quad(x[token * ROW_QUADS + i]);
        squares += dot(values, values);
    #if KEEP
        kept[token * ROW_QUADS + i] = x[token * ROW_QUADS + i];
    #end
    }
    factor = inverseSqrt(workgroup_sum(lane, squares) / f32(N) + EPS);
#end
    for (var block = lane; block < BLOCKS; block += LANES) {
        // The bits of magnitudes have their order, with infinities and NaNs above all; a max of floats may drop a
        // NaN. The scale is then NaN or infinite too.
        var highest = vec4<u32>(0u);
#for p in 8
        var x_$p = from_quad(x[token * ROW_QUADS + block * 8u + $pu]);
    #if NORM
        x_$p *= weight[block * 8u + $pu];
    #end
        highest = max(highest, bitcast<vec4<u32>>(x_$p) & vec4<u32>(0x7fffffffu));
#end
        let bits = max(max(highest.x, highest.y), max(highest.z, highest.w));
        let most = bitcast<f32>(bits);
        var steps = 0.0;
        var scale = 0.0;
        if (bits >= LEAST) {
            steps = 127.0 / most;
            scale = most / 127.0 * factor;
        }
#for p in 8
        let q_$p = vec4<i32>(round(x_$p * steps));
#end
        let low = q_0 + q_1 + q_2 + q_3;
        let high = q_4 + q_5 + q_6 + q_7;
        let sums = vec2<f32>(vec2<i32>(low.x + low.y + low.z + low.w, high.x + high.y + high.z + high.w));
        let at = token * PACKED_QUADS + block * 3u;
        packed[at] = vec4<u32>(pack4xI8(q_0), pack4xI8(q_1), pack4xI8(q_2), pack4xI8(q_3));
        packed[at + 1u] = vec4<u32>(pack4xI8(q_4), pack4xI8(q_5), pack4xI8(q_6), pack4xI8(q_7));
        packed[at + 2u] = bitcast<vec4<u32>>(scale * vec4<f32>(1.0, sums, sums.x + sums.y));
    }
}

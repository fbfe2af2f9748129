// A KV cache in a texture, of 16-bit floats: a texel is two quads of dimensions.
#import software/texture, cache

fn texel_quad_0(texel: vec4<u32>) -> vec4<f32> { return from_cached(texel.xy); }
fn texel_quad_1(texel: vec4<u32>) -> vec4<f32> { return from_cached(texel.zw); }
fn texel_with(pairs: array<CachedPair, TEXEL_PAIRS>) -> vec4<u32> {
    return vec4<u32>(pairs[0], pairs[1], pairs[2], pairs[3]);
}

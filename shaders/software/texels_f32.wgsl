// A KV cache in a texture, of 32-bit floats: a texel is one quad of dimensions.
#import software/texture, cache

fn texel_quad_0(texel: vec4<u32>) -> vec4<f32> { return bitcast<vec4<f32>>(texel); }
fn texel_with(pairs: array<CachedPair, TEXEL_PAIRS>) -> vec4<u32> {
    return bitcast<vec4<u32>>(vec4<f32>(pairs[0], pairs[1]));
}

// Where the KV cache is a texture, a head of a position is TEXELS texels of TEXEL_QUADS vec4s each.
#import texture

#if CACHE_F32
fn texel_quad_0(texel: vec4<u32>) -> vec4<f32> { return bitcast<vec4<f32>>(texel); }
#end
#if CACHE_F16
fn texel_quad_0(texel: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(texel.x), unpack2x16float(texel.y));
}
fn texel_quad_1(texel: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(texel.z), unpack2x16float(texel.w));
}
#end

// Where the KV cache is a texture, a head of a position is TEXELS texels of TEXEL_QUADS vec4s each: a
// processor that plays a GPU loads four words at a time for less than it takes for them one by one.
fn texel_place(i: u32) -> vec2<u32> { return vec2<u32>(i % CACHE_WIDTH, i / CACHE_WIDTH); }

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

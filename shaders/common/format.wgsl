// How 32 weights lie in VECS consecutive vec4<u32>, and how one vec4<u32> becomes QUADS vec4<f32>.
// `unpack_p` gives weights 4p … 4p + 3 of its vector. The signed conversions are exact here and
// cheaper than unsigned ones where a processor plays the GPU.
#if Q4
#for p in 4
fn unpack_$p(raw: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(bitcast<vec4<i32>>(unpack4xU8(raw[$p] & 0x0F0F0F0Fu)));
}
#end
// As in ggml's 4-bit blocks: byte i holds weight i below and weight i + 16 above.
fn unpack_4(raw: vec4<u32>) -> vec4<f32> { return unpack_0(raw >> vec4<u32>(4u)); }
fn unpack_5(raw: vec4<u32>) -> vec4<f32> { return unpack_1(raw >> vec4<u32>(4u)); }
fn unpack_6(raw: vec4<u32>) -> vec4<f32> { return unpack_2(raw >> vec4<u32>(4u)); }
fn unpack_7(raw: vec4<u32>) -> vec4<f32> { return unpack_3(raw >> vec4<u32>(4u)); }
#end
#if Q8
#for p in 4
fn unpack_$p(raw: vec4<u32>) -> vec4<f32> { return vec4<f32>(unpack4xI8(raw[$p])); }
#end
#end
#if F16
fn unpack_0(raw: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(raw.x), unpack2x16float(raw.y));
}
fn unpack_1(raw: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(raw.z), unpack2x16float(raw.w));
}
#end
#if F32
fn unpack_0(raw: vec4<u32>) -> vec4<f32> { return bitcast<vec4<f32>>(raw); }
#end

// Rows lie in tiles of 32, so that neighbouring lanes read neighbouring vectors. These are the
// places of a row's first vector and first scale; a block further is 32 * VECS and 32 further.
fn first_vector(row: u32) -> u32 { return (row / 32u) * K_BLOCKS * VECS * 32u + row % 32u; }
fn first_scale(row: u32) -> u32 { return (row / 32u) * K_BLOCKS * 32u + row % 32u; }

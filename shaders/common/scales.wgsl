// The scales of a matrix, word by word, in the order that `packed.rs` describes. With SCALE_TEXELS the words
// of rows i, i + 8, i + 16 and i + 24 of a tile are a texel, for a lane that owns these rows.
#if SCALE_TEXELS
#if STORAGE_TEXTURE
@group(0) @binding(_) var scales: texture_storage_2d<rgba32uint, read>;
fn scales_texel(at: vec2<u32>) -> vec4<u32> { return textureLoad(scales, at); }
#else
@group(0) @binding(_) var scales: texture_2d<u32>;
fn scales_texel(at: vec2<u32>) -> vec4<u32> { return textureLoad(scales, at, 0); }
#end
// What a word at `at` lies with.
fn scales_beside(at: u32) -> vec4<u32> {
    let i = ((at / 32u) * 8u) + (at % 8u);
    return scales_texel(vec2<u32>(i % TEXTURE_WIDTH, i / TEXTURE_WIDTH));
}
fn scale_word(at: u32) -> u32 { return scales_beside(at)[(at / 8u) % 4u]; }
#else
@group(0) @binding(_) var<storage, read> scales: array<u32>;
fn scale_word(at: u32) -> u32 { return scales[at]; }
#end

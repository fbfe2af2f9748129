// The scales of a matrix, word by word, in the order that `packed.rs` describes. With SCALE_TEXELS the words
// of rows i, i + 8, i + 16 and i + 24 of a tile are a texel, for a lane that owns these rows.
#if SCALE_TEXELS
#import texture
@group(0) @binding(_) var scales: Texture;
// What a word at `at` lies with.
fn scales_beside(at: u32) -> vec4<u32> { return texel_of(scales, ((at / 32u) * 8u) + (at % 8u)); }
fn scale_word(at: u32) -> u32 { return scales_beside(at)[(at / 8u) % 4u]; }
#else
@group(0) @binding(_) var<storage, read> scales: array<u32>;
fn scale_word(at: u32) -> u32 { return scales[at]; }
#end

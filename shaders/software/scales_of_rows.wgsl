// As `software/scales`, for a lane that owns rows 8 apart: the kernel loads the texel of four of them at once,
// and puts its words in the place of what `scale_word` gives.
#import texture

// [rows / 32, K_GROUPS, 8]
@binding(scales) var scales: Texture;
fn scale_texel(i: u32) -> vec4<u32> { return texel_of(scales, (i / 32u) * 8u + i % 8u); }
fn scale_word(i: u32) -> u32 { return 0u; }

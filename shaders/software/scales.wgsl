#import software/texture

// [rows / 32, K_GROUPS, 8]: the words of rows i, i + 8, i + 16 and i + 24 of a tile are a texel.
@binding(scales) var scales: Texture;
fn scale_texel(i: u32) -> vec4<u32> { return texel_of(scales, (i / 32u) * 8u + i % 8u); }
fn scale_word(i: u32) -> u32 { return scale_texel(i)[(i / 8u) % 4u]; }

// The quants of a matrix, one RAW after the other; with TEXTURE, for RAWs of four words, they are texels.
#if TEXTURE
#import texture
@group(0) @binding(_) var quants: Texture;
fn raw_of(i: u32) -> RAW { return texel_of(quants, i); }
#else
@group(0) @binding(_) var<storage, read> quants: array<RAW>;
fn raw_of(i: u32) -> RAW { return quants[i]; }
#end

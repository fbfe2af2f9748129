// The quants of a matrix, one RAW after the other. With TEXTURE, for RAWs of four words, they are texels:
// a processor that plays a GPU loads these faster.
#if TEXTURE
#if STORAGE_TEXTURE
@group(0) @binding(_) var quants: texture_storage_2d<rgba32uint, read>;
fn quants_texel(at: vec2<u32>) -> RAW { return textureLoad(quants, at); }
#else
@group(0) @binding(_) var quants: texture_2d<u32>;
fn quants_texel(at: vec2<u32>) -> RAW { return textureLoad(quants, at, 0); }
#end
fn raw_of(i: u32) -> RAW { return quants_texel(vec2<u32>(i % TEXTURE_WIDTH, i / TEXTURE_WIDTH)); }
#else
@group(0) @binding(_) var<storage, read> quants: array<RAW>;
fn raw_of(i: u32) -> RAW { return quants[i]; }
#end

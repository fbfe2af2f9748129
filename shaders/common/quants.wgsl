// The quants of a matrix, one RAW after the other. With TEXTURE, for RAWs of four words, they are texels:
// a processor that plays a GPU loads these faster.
#if TEXTURE
@group(0) @binding(_) var quants: texture_2d<u32>;
fn raw_of(i: u32) -> RAW {
    return textureLoad(quants, vec2<u32>(i % TEXTURE_WIDTH, i / TEXTURE_WIDTH), 0);
}
#else
@group(0) @binding(_) var<storage, read> quants: array<RAW>;
fn raw_of(i: u32) -> RAW { return quants[i]; }
#end

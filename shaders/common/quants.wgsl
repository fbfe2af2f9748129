// The quants of a matrix, one RAW after the other. With TEXTURE they are texels: processors that play a GPU
// load one of four words faster than they load four words of storage.
#if TEXTURE
@group(0) @binding(_) var quants: texture_2d<u32>;
fn raw_of(i: u32) -> RAW {
    let texel = textureLoad(quants, vec2<u32>(i % TEXTURE_WIDTH, i / TEXTURE_WIDTH), 0);
#if RAW1
    return texel.x;
#end
#if RAW2
    return texel.xy;
#end
#if RAW4
    return texel;
#end
}
#else
@group(0) @binding(_) var<storage, read> quants: array<RAW>;
fn raw_of(i: u32) -> RAW { return quants[i]; }
#end

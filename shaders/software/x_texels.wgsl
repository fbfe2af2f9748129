// x as texels of four words, which software adapters load faster than storage buffers.
#import software/texture

// [tokens, X_ELEMENTS]
@binding(x) var x: Texture;
fn x_element(i: u32) -> vec4<u32> { return texel_of(x, i); }

// x as texels of four words: software adapters load them for less than from storage.
#import software/texture

// [tokens, X_ELEMENTS]
@binding(x) var x: Texture;
fn x_element(i: u32) -> vec4<u32> { return texel_of(x, i); }

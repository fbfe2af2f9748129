// x of a projection: `x_quad` gives four values, or with PACKED `x_words` four words.
#if TEXEL_X
#import texture
@group(0) @binding(_) var x: Texture;
fn x_words(i: u32) -> vec4<u32> { return texel_of(x, i); }
#end
#if UNIFORM_X
// Read through a uniform, a value that all lanes share is loaded once, not once per lane. Elements of its
// arrays take 16 bytes at least.
@group(0) @binding(_) var<uniform> x: array<vec4<u32>, X_ELEMENTS * COLS>;
fn x_words(i: u32) -> vec4<u32> { return x[i]; }
#end
#if STORAGE_X
#if PACKED
@group(0) @binding(_) var<storage, read> x: array<vec4<u32>>;
fn x_words(i: u32) -> vec4<u32> { return x[i]; }
#else
@group(0) @binding(_) var<storage, read> x: array<Quad>;
fn x_quad(i: u32) -> vec4<f32> { return from_quad(x[i]); }
#end
#else
#if !PACKED
#if HALF
fn x_quad(i: u32) -> vec4<f32> {
    let two = x_words(i / 2u);
    return from_quad(select(two.xy, two.zw, i % 2u == 1u));
}
#else
fn x_quad(i: u32) -> vec4<f32> { return bitcast<vec4<f32>>(x_words(i)); }
#end
#end
#end

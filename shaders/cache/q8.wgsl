// Keys and values in the KV cache as signed bytes: a quad is a word, and the 32-bit scale of a head follows its quads.
alias CachedQuad = u32;
// Elements of a head that hold its scale.
const SCALE_ELEMENTS: u32 = 1u;

fn from_cached(quad: CachedQuad) -> vec4<f32> { return vec4<f32>(unpack4xI8(quad)); }
fn scale_in(element: CachedQuad) -> f32 { return bitcast<f32>(element); }

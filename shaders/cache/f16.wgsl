// Keys and values in the KV cache as 16-bit floats: a pair of dimensions is a word, a quad two.
alias CachedPair = u32;
alias CachedQuad = vec2<u32>;
// Elements of a head that hold its scale.
const SCALE_ELEMENTS: u32 = 0u;

fn to_cached(pair: vec2<f32>) -> CachedPair { return pack2x16float(pair); }
fn from_cached_pair(pair: CachedPair) -> vec2<f32> { return unpack2x16float(pair); }
fn from_cached(quad: CachedQuad) -> vec4<f32> { return vec4<f32>(unpack2x16float(quad.x), unpack2x16float(quad.y)); }
fn scale_in(element: CachedQuad) -> f32 { return 1.0; }

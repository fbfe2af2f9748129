// Keys and values in the KV cache as 32-bit floats: a pair of dimensions, and a quad.
alias CachedPair = vec2<f32>;
alias CachedQuad = vec4<f32>;
// Elements of a head that hold its scale.
const SCALE_ELEMENTS: u32 = 0u;

fn to_cached(pair: vec2<f32>) -> CachedPair { return pair; }
fn from_cached_pair(pair: CachedPair) -> vec2<f32> { return pair; }
fn from_cached(quad: CachedQuad) -> vec4<f32> { return quad; }
fn scale_in(element: CachedQuad) -> f32 { return 1.0; }

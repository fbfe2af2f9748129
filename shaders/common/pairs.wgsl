// Activations, keys and values are stored in pairs: one vec2<f32>, or with HALF one u32 of two 16-bit floats, which
// needs no feature of the adapter. Arithmetic is always in f32.
#if HALF
alias Pair = u32;
alias Quad = vec2<u32>;
fn to_pair(values: vec2<f32>) -> Pair { return pack2x16float(values); }
fn from_pair(pair: Pair) -> vec2<f32> { return unpack2x16float(pair); }
fn to_quad(values: vec4<f32>) -> Quad {
    return vec2<u32>(pack2x16float(values.xy), pack2x16float(values.zw));
}
fn from_quad(quad: Quad) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(quad.x), unpack2x16float(quad.y));
}
#else
alias Pair = vec2<f32>;
alias Quad = vec4<f32>;
fn to_pair(values: vec2<f32>) -> Pair { return values; }
fn from_pair(pair: Pair) -> vec2<f32> { return pair; }
fn to_quad(values: vec4<f32>) -> Quad { return values; }
fn from_quad(quad: Quad) -> vec4<f32> { return quad; }
#end

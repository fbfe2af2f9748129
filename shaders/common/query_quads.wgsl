// Heads as quads: vec4s of four neighbouring dimensions, in the order of the KV cache. These are the queries'; the
// importing shader binds `queries` as an array of QueryElement.
//
// Without WIDE a head ends in half a quad. Its elements are pairs, and the other half of its last quad is zero.
#import pairs

// Quad `i` of a head; `head` counts the heads of all tokens.
#if WIDE
alias QueryElement = Quad;
fn query_quad(head: u32, i: u32) -> vec4<f32> { return from_quad(queries[head * QUADS + i]); }
#else
alias QueryElement = Pair;
fn query_quad(head: u32, i: u32) -> vec4<f32> {
    let at = head * HEAD_ELEMENTS + 2u * i;
    let half = from_pair(queries[at]);
    return vec4<f32>(half, select(vec2<f32>(0.0), from_pair(queries[at + 1u]), i + 1u < QUADS));
}
#end

// Queries, keys and values of a token, concatenated.
#import pairs

// [tokens, QKV_STRIDE / 2]
@binding(qkv) var<storage, read> qkv: array<Pair>;

fn value(at: u32) -> f32 {
    let pair = from_pair(qkv[at / 2u]);
    return select(pair.x, pair.y, at % 2u == 1u);
}

// Pair `i` of a head of a token.
fn pair_of(token: u32, head: u32, i: u32) -> vec2<f32> {
    let at = token * QKV_STRIDE + head_start(head) + pair_dims(i);
    return vec2<f32>(value(at.x), value(at.y));
}

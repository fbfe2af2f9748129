// As `attention/key_scores`, from a KV cache in a texture.
#import query_quads, texels

// [pages, KV_HEADS, PAGE, TEXELS]
@binding(k_cache) var k_cache: Texture;

// The score of a key, before SCALE.
fn score_of(key: u32) -> f32 {
    var score = 0.0;
    for (var t = 0u; t < TEXELS; t++) {
        let texel = texel_of(k_cache, key * TEXELS + t);
#for q in TEXEL_QUADS
        score += dot(query[t * TEXEL_QUADS + $qu], texel_quad_$q(texel));
#end
    }
    return score;
}

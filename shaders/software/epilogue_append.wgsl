// Epilogue of queries, keys and values with a KV cache in a texture: a texel has two pairs of dimensions of 32 bits,
// or four of 16.
#import software/to_texels, matmul/append_rows

// The first and the second dimensions of four neighbouring pairs for a token.
fn finish(group: u32, octet: u32, token: u32, firsts: vec4<f32>, seconds: vec4<f32>) {
    let first = octet_result(group, octet);
    for (var at = 0u; at < 4u; at += TEXEL_PAIRS) {
        let pair = first + at;
        if (pair < N_RESULTS && token < step.n_tokens) {
            var pairs: array<CachedPair, TEXEL_PAIRS>;
            for (var i = 0u; i < TEXEL_PAIRS; i++) {
                let values = vec2<f32>(firsts[at + i], seconds[at + i]);
                pairs[i] = to_append(token, pair / PAIRS, (pair + i) % PAIRS, values);
            }
            append_texel(token, pair / PAIRS, pair % PAIRS, pairs);
        }
    }
}

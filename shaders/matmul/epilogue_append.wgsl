// Epilogue of queries, keys and values: rotates them; queries go to `query`, keys and values to the KV cache.
#import rope_kv_append/to_storage, matmul/append_rows

// The first and the second dimensions of four neighbouring pairs for a token.
fn finish(group: u32, octet: u32, token: u32, firsts: vec4<f32>, seconds: vec4<f32>) {
    let pair = octet_result(group, octet);
#for i in 4
    if (pair + $iu < N_RESULTS && token < step.n_tokens) {
        append(token, (pair + $iu) / PAIRS, (pair + $iu) % PAIRS, vec2<f32>(firsts[$i], seconds[$i]));
    }
#end
}

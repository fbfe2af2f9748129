use vitrine_checkpoint::Config;

/// Floating-point operations of a pass of `tokens` tokens through the layers, the first at position `first`, and of
/// the last one through the output head.
///
/// A multiplication and an addition count as two. Matrices: 2 × weights for each token. Attention: 4 × heads ×
/// head_dim for each position that a query sees (scores and sums). Norms, RoPE and activation functions, less than 1
/// %, are left out.
#[must_use]
pub fn step_flops(config: &Config, first: u32, tokens: u32) -> u64 {
    let [hidden, intermediate, vocab, head_dim] = [
        config.hidden_size,
        config.intermediate_size,
        config.vocab_size,
        config.head_dim,
    ]
    .map(u64::from);
    let heads = u64::from(config.num_attention_heads);
    let kv_heads = u64::from(config.num_key_value_heads);
    let qkv = hidden * (heads + 2 * kv_heads) * head_dim;
    let o_proj = heads * head_dim * hidden;
    let mlp = hidden * intermediate * if config.gated_mlp { 3 } else { 2 };
    let layers = u64::from(config.num_hidden_layers());
    let matrices = 2 * u64::from(tokens) * layers * (qkv + o_proj + mlp);
    let seen = config.layers.iter().map(|layer| {
        let window = layer.sliding_window.unwrap_or(u32::MAX);
        (first..first + tokens)
            .map(|position| u64::from(window.min(position + 1)))
            .sum::<u64>()
    });
    matrices + 4 * heads * head_dim * seen.sum::<u64>() + 2 * hidden * vocab
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]
mod tests {
    use super::*;

    const LLAMA: &[u8] =
        include_bytes!("../../../../tests/fixtures/architectures/llama/config.json");
    const MISTRAL: &[u8] =
        include_bytes!("../../../../tests/fixtures/architectures/mistral/config.json");

    #[test]
    fn a_token_costs_twice_its_matrices_and_what_it_sees() {
        let config = Config::from_json(LLAMA).unwrap();
        // Every weight but the looked-up embedding and the norms is multiplied once.
        let looked_up = u64::from(config.vocab_size * config.hidden_size);
        let norms = u64::from((2 * config.num_hidden_layers() + 1) * config.hidden_size);
        let matrices = config.parameters() - looked_up - norms;
        let per_position = u64::from(
            4 * config.num_attention_heads * config.head_dim * config.num_hidden_layers(),
        );
        assert_eq!(step_flops(&config, 0, 1), 2 * matrices + per_position);
        assert_eq!(step_flops(&config, 9, 1), 2 * matrices + 10 * per_position);
    }

    #[test]
    fn steps_add_up_but_for_the_output_head() {
        let config = Config::from_json(LLAMA).unwrap();
        let head = 2 * u64::from(config.vocab_size * config.hidden_size);
        let whole = step_flops(&config, 0, 7);
        let one_by_one: u64 = (0..7).map(|first| step_flops(&config, first, 1)).sum();
        assert_eq!(one_by_one, whole + 6 * head);
    }

    #[test]
    fn beyond_a_window_nothing_is_added() {
        let config = Config::from_json(MISTRAL).unwrap();
        let at = |position| step_flops(&config, position, 1);
        assert!(at(7) < at(8));
        assert_eq!(at(8), at(40));
    }
}

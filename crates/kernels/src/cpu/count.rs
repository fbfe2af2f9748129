use vitrine_sampling::Counts;

/// Which tokens a sequence has, (vocab_size); its first `prompt` tokens are the prompt's.
#[must_use]
pub fn count(vocab_size: usize, history: &[u32], prompt: usize) -> Vec<u32> {
    let (prompt, generated) = history.split_at(prompt);
    Counts::new(vocab_size, prompt, generated).words().to_vec()
}

/// `table` is (vocab, hidden); the result (tokens, hidden).
#[must_use]
pub fn embed(table: &[f32], hidden: usize, tokens: &[u32]) -> Vec<f32> {
    tokens
        .iter()
        .flat_map(|&id| &table[id as usize * hidden..(id as usize + 1) * hidden])
        .copied()
        .collect()
}

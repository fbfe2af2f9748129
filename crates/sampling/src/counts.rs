/// Set in a word of [`Counts`] if the token is in the prompt.
pub const IN_PROMPT: u32 = 1 << 31;

/// Input of the penalties: for each token id, whether it is in the prompt, and how often it was generated. One word
/// per id: [`IN_PROMPT`], and the count in the lower bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    words: Vec<u32>,
}

impl Counts {
    /// The counts of a sequence, over a vocabulary of `vocab_size`. Ids outside it are left out.
    #[must_use]
    pub fn new(vocab_size: usize, prompt: &[u32], generated: &[u32]) -> Self {
        let mut words = vec![0u32; vocab_size];
        for &id in prompt {
            if let Some(word) = words.get_mut(id as usize) {
                *word |= IN_PROMPT;
            }
        }
        let mut counts = Self { words };
        for &id in generated {
            counts.add(id);
        }
        counts
    }

    /// Counts a generated token.
    pub fn add(&mut self, id: u32) {
        if let Some(word) = self.words.get_mut(id as usize) {
            *word += 1;
        }
    }

    /// The words, by id.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    pub(crate) fn word(&self, id: usize) -> u32 {
        self.words.get(id).copied().unwrap_or_default()
    }
}

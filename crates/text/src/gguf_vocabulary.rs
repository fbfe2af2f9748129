//! The vocabulary of a GGUF file.

use tokenizers::AddedToken;
use tokenizers::models::bpe::Vocab;

/// Tokenizer metadata of a GGUF file (`tokenizer.ggml.*`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GgufVocabulary {
    /// `tokenizer.ggml.model`: kind of tokenizer.
    pub model: String,
    /// `tokenizer.ggml.pre`: pre-tokenizer, which splits text before merges apply.
    pub pre: Option<String>,
    /// `tokenizer.ggml.tokens`: text of each id.
    pub tokens: Vec<String>,
    /// `tokenizer.ggml.token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused,
    /// 6 byte.
    pub token_types: Option<Vec<i32>>,
    /// `tokenizer.ggml.scores`.
    pub scores: Option<Vec<f32>>,
    /// `tokenizer.ggml.merges`: pairs of tokens, each separated by a space, best first.
    pub merges: Option<Vec<String>>,
    /// `tokenizer.ggml.bos_token_id`.
    pub bos_token_id: Option<u32>,
    /// `tokenizer.ggml.eos_token_id`.
    pub eos_token_id: Option<u32>,
    /// `tokenizer.ggml.eot_token_id`: end of a turn.
    pub eot_token_id: Option<u32>,
    /// `tokenizer.ggml.eom_token_id`: end of a message.
    pub eom_token_id: Option<u32>,
    /// `tokenizer.ggml.unknown_token_id`.
    pub unknown_token_id: Option<u32>,
    /// `tokenizer.ggml.padding_token_id`.
    pub padding_token_id: Option<u32>,
    /// `tokenizer.ggml.add_bos_token`.
    pub add_bos_token: Option<bool>,
    /// `tokenizer.ggml.add_eos_token`.
    pub add_eos_token: Option<bool>,
    /// `tokenizer.ggml.add_space_prefix`.
    pub add_space_prefix: Option<bool>,
}

/// The values of `tokenizer.ggml.token_type` that are used here.
pub(crate) mod token_type {
    pub(crate) const NORMAL: i32 = 1;
    pub(crate) const UNKNOWN: i32 = 2;
    pub(crate) const CONTROL: i32 = 3;
    pub(crate) const USER_DEFINED: i32 = 4;
    pub(crate) const UNUSED: i32 = 5;
}

impl GgufVocabulary {
    /// The type of a token; normal if the file has no types.
    pub(crate) fn type_of(&self, id: usize) -> i32 {
        self.token_types
            .as_ref()
            .map_or(token_type::NORMAL, |types| types[id])
    }

    /// The ids of the tokens, without unused ones, which are padding (`[PAD32011]`).
    pub(crate) fn ids(&self) -> Vocab {
        let used = |(id, _): &(usize, &String)| self.type_of(*id) != token_type::UNUSED;
        let ids = self.tokens.iter().enumerate().filter(used);
        // `check` ensures that ids fit in `u32`.
        ids.map(|(id, token)| (token.clone(), id as u32)).collect()
    }

    /// The tokens that are matched before the text is split, ordered by id.
    pub(crate) fn added_tokens(&self) -> Vec<AddedToken> {
        let added = |id: usize| {
            let special = match self.type_of(id) {
                token_type::CONTROL | token_type::UNKNOWN => true,
                token_type::USER_DEFINED => false,
                _ => return None,
            };
            Some(AddedToken::from(self.tokens[id].as_str(), special).normalized(false))
        };
        (0..self.tokens.len()).filter_map(added).collect()
    }
}

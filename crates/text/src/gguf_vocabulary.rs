//! The vocabulary of a GGUF file.

use std::collections::{BTreeMap, HashSet};

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
    /// Bytes of the tokens that are not UTF-8, by id.
    pub raw: BTreeMap<u32, Vec<u8>>,
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

/// Tokens with these texts end a generation in addition to the file's EOS, whatever their type: llama.cpp's list
/// (`special_eog_ids`). Chat models end a turn and a document with different tokens. Its `</s>` is not here: in Phi-3
/// that is text, and where it is an end the file names it as EOS.
const END_TOKENS: [&str; 21] = [
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
];

/// Where all tokens of the first list are in the vocabulary, the second is text: GPT-OSS and Solar end parts of
/// a turn with it.
const NO_END_BESIDE: [(&[&str], &str); 2] = [
    (&["<|return|>", "<|call|>"], "<|end|>"),
    (&["<|calls|>", "<|flush|>"], "<|end|>"),
];

impl GgufVocabulary {
    /// The type of a token; normal if the file has no types. What ends a generation by its text is a control token,
    /// whatever the file says.
    pub(crate) fn type_of(&self, id: usize) -> i32 {
        match &self.token_types {
            _ if self.is_end(id) => token_type::CONTROL,
            None => token_type::NORMAL,
            Some(types) => types[id],
        }
    }

    /// Whether a token ends a generation by its text.
    pub(crate) fn is_end(&self, id: usize) -> bool {
        let token = self.tokens[id].as_str();
        let has = |text: &&str| self.tokens.iter().any(|token| token == text);
        let is_text = |(beside, text): &(&[&str], &str)| *text == token && beside.iter().all(has);
        let types = self.token_types.as_ref();
        END_TOKENS.contains(&token)
            && types.is_none_or(|types| types[id] != token_type::UNUSED)
            && !NO_END_BESIDE.iter().any(is_text)
    }

    /// The ids of the tokens, without unused ones, which are padding (`[PAD32011]`).
    pub(crate) fn ids(&self) -> Vocab {
        let mut ids = Vocab::default();
        for (id, token) in self.tokens.iter().enumerate() {
            if self.type_of(id) != token_type::UNUSED && self.is_listed(id) {
                // `check` ensures that ids fit in `u32`.
                ids.entry(token.clone()).or_insert(id as u32);
            }
        }
        ids
    }

    /// Whether text can become this token: it is not empty, and UTF-8.
    fn is_listed(&self, id: usize) -> bool {
        !self.tokens[id].is_empty() && !self.raw.contains_key(&(id as u32))
    }

    /// The tokens that text never becomes: empty ones, second ones of the same text, and bytes that are no characters.
    pub(crate) fn unlisted(&self) -> Vec<u32> {
        let mut seen = HashSet::with_capacity(self.tokens.len());
        let ids = (0..self.tokens.len()).filter(|id| {
            let is_new = seen.insert(self.tokens[*id].as_str());
            self.type_of(*id) != token_type::UNUSED && !(self.is_listed(*id) && is_new)
        });
        ids.map(|id| id as u32).collect()
    }

    /// The tokens that are matched before the text is split, ordered by id.
    pub(crate) fn added_tokens(&self) -> Vec<AddedToken> {
        let added = |id: usize| {
            if !self.is_listed(id) {
                return None;
            }
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

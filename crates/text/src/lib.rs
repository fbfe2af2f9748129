//! Tokenizers and chat templates, read from the model's files.
//!
//! [`Tokenizer`] encodes text to ids and decodes ids to text, [`StreamDecoder`] decodes ids one at a time, and
//! [`ChatTemplate`] renders a conversation to the text that the model expects.

mod byte_alphabet;
mod byte_level;
mod chat_template;
mod decoding;
mod error;
mod folder;
mod gguf;
mod gguf_vocabulary;
mod merges;
mod post_processor;
mod pre_tokenizer;
pub mod python_json;
mod sentencepiece;
mod stream;
mod tokenizer;
mod tokenizer_json;

pub use chat_template::{ChatTemplate, ChatTemplateSource, Message, RenderChat};
pub use error::TextError;
pub use folder::{FolderTexts, end_ids};
pub use gguf_vocabulary::GgufVocabulary;
pub use stream::StreamDecoder;
pub use tokenizer::{SpecialIds, TokenPieceText, Tokenizer};

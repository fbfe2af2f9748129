//! Tokenizers and chat templates, from the files of the model.
//!
//! [`Tokenizer`] turns text into ids and ids into bytes; [`StreamDecoder`] gives text while ids
//! still arrive; [`ChatTemplate`] turns a conversation into the text that the model expects.

mod byte_level;
mod chat_template;
mod decoding;
mod error;
mod folder;
mod gguf;
mod merges;
mod post_processor;
mod pre_tokenizer;
mod python_json;
mod sentencepiece;
mod stream;
mod tokenizer;
mod tokenizer_json;

pub use chat_template::{ChatTemplate, ChatTemplateSource, Message, RenderChat};
pub use error::TextError;
pub use folder::{FolderTexts, end_ids};
pub use gguf::GgufVocabulary;
pub use stream::StreamDecoder;
pub use tokenizer::{SpecialIds, TokenPieceText, Tokenizer};

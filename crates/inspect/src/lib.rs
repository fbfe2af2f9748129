//! Reports of a model's files, its vocabulary and its sampling defaults. Nothing here needs a GPU: `vitrine inspect`,
//! `vitrine tokenize` and the page's calculator use only this.

mod error;
mod report;
mod sampling_defaults;
mod tokens;
mod vocabulary;

pub use error::InspectError;
pub use report::{
    InspectOptions, inspect_checkpoint, inspect_config, inspect_files, inspect_json, rope_report,
};
pub use tokens::tokenize_report;
pub use vocabulary::{Vocabulary, read_tokenizer, read_vocabulary};

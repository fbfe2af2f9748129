//! Texts as tokens.

use vitrine_protocol::{TokenEntry, TokenizeReport};
use vitrine_text::Tokenizer;

use crate::{Engine, EngineError};

/// The tokens of a text one by one, and their text.
#[must_use]
pub fn tokenize_report(tokenizer: &Tokenizer, ids: &[u32]) -> TokenizeReport {
    let entry = |(position, &id): (u32, &u32)| {
        let piece = tokenizer.piece(id);
        TokenEntry {
            position,
            id,
            piece: tokenizer.vocabulary_entry(id),
            text: piece.as_ref().map(|piece| piece.text.clone()),
            bytes: piece.map(|piece| piece.bytes).unwrap_or_default(),
        }
    };
    TokenizeReport {
        tokens: (0..).zip(ids).map(entry).collect(),
        text: tokenizer.decode(ids, false),
    }
}

impl Engine {
    /// The tokens of a text, with the tokenizer's special tokens if `special` is set.
    ///
    /// # Errors
    /// When there is no tokenizer, or the text cannot be encoded.
    pub fn tokenize(&self, text: &str, special: bool) -> Result<TokenizeReport, EngineError> {
        let tokenizer = self.tokenizer()?;
        let ids = tokenizer.encode(text, special)?;
        Ok(tokenize_report(tokenizer, &ids))
    }

    /// A user's message rendered by the chat template.
    ///
    /// # Errors
    /// When there is no tokenizer or no template, or the template refuses the message.
    pub async fn rendered(&self, user: &str) -> Result<TokenizeReport, EngineError> {
        let tokenizer = self.tokenizer()?;
        let text = self.render(user).await?;
        let ids = tokenizer.encode(&text, false)?;
        let report = tokenize_report(tokenizer, &ids);
        Ok(TokenizeReport { text, ..report })
    }
}

//! Texts as tokens.

use vitrine_inspect::tokenize_report;
use vitrine_protocol::TokenizeReport;

use crate::{Engine, EngineError};

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

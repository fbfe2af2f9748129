//! Chats as the model's template writes them.

use std::cell::OnceCell;

use vitrine_text::{ChatTemplateSource, Message, RenderChat};
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::EngineError;

/// A chat template that is compiled when somebody chats. What compiles it is a part of the page's module
/// that is fetched then: plain text is generated without.
pub struct Chat {
    source: ChatTemplateSource,
    template: OnceCell<Box<dyn RenderChat>>,
}

impl Chat {
    /// Of a model's files.
    pub fn new(source: ChatTemplateSource) -> Self {
        Self {
            source,
            template: OnceCell::new(),
        }
    }

    /// A user's message, and the beginning of the answer.
    ///
    /// # Errors
    /// When the template is not valid, refuses the message or does not end; in the page when the part
    /// cannot be fetched.
    pub async fn render(&self, user: &str) -> Result<String, EngineError> {
        let template = match self.template.get() {
            Some(template) => template,
            None => {
                let template = compile(&self.source).await?;
                self.template.get_or_init(|| template)
            }
        };
        Ok(template.render(&[Message::new("user", user)], true)?)
    }
}

// Only who has its result can reach the template engine, through the trait's table of functions.
#[wasm_split(chat_templates, fallible)]
fn compile(source: &ChatTemplateSource) -> Result<Box<dyn RenderChat>, EngineError> {
    Ok(Box::new(source.compile()?))
}

impl From<SplitLoaderError> for EngineError {
    fn from(_: SplitLoaderError) -> Self {
        Self::PartMissing
    }
}

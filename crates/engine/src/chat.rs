//! Chat prompts from the model's template.

use std::cell::OnceCell;

use vitrine_text::{ChatTemplateSource, Message, RenderChat};
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::EngineError;

/// A chat template that is compiled with the first chat prompt. In the page the template engine is a part of the
/// module that is fetched then; raw prompts do not need it.
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
    /// When the template is invalid, refuses the message or exceeds its limits; in the page also when the part cannot
    /// be fetched.
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

// The template engine is reachable only through the trait object, so that the splitter can move it to a part.
#[wasm_split(chat_templates, fallible)]
fn compile(source: &ChatTemplateSource) -> Result<Box<dyn RenderChat>, EngineError> {
    Ok(Box::new(source.compile()?))
}

impl From<SplitLoaderError> for EngineError {
    fn from(_: SplitLoaderError) -> Self {
        Self::PartMissing
    }
}

use serde::{Deserialize, Serialize};

use crate::{
    ForkRequest, GenerateRequest, HubAccess, ModelSource, Prompt, Question, SamplingParams,
};

/// A command of the page to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Requests an adapter and creates a device. Answered by `Event::AdapterReady` or `Event::Failed`.
    Start,
    /// Lists the models that the site offers and those in the browser's storage. Answered by `Event::Models`.
    ListModels,
    /// Downloads the model unless it is in the browser's storage, and uploads it to the GPU. Answered by
    /// `Event::Loading` many times, then `Event::ModelReady`, `Event::LoadCancelled` or `Event::Failed`.
    LoadModel {
        /// Source of the model. The files of `ModelSource::Local` are sent with the command, in the same order.
        source: ModelSource,
        /// How to reach the model hub.
        hub: HubAccess,
        /// Rounds activations to 8 bits, with a scale per 32, wherever they are multiplied by quantised weights.
        #[serde(default)]
        pack_activations: bool,
    },
    /// Cancels loading. The downloaded part is kept for the next attempt.
    CancelLoad,
    /// Continues a prompt. Answered by `Event::PromptTokens`, `Event::Token` many times, then `Event::Finished` or
    /// `Event::Failed`. Stops a running generation first.
    Generate {
        /// Chosen by the page; repeated in every event of this generation.
        run: u32,
        /// The request.
        request: GenerateRequest,
    },
    /// Continues a copy of the first tokens of a generation with another token. Answered like `Command::Generate`.
    /// The last `Command::Generate` and all forks since then can be forked.
    Fork {
        /// Chosen by the page; repeated in every event of this generation.
        run: u32,
        /// The generation to fork.
        of: u32,
        /// The request.
        request: ForkRequest,
    },
    /// Changes the sampling settings of the running generation, from the next step that has not been submitted.
    SetSampling {
        /// The new settings.
        params: SamplingParams,
    },
    /// Asks for the distribution of the token after `prompt`. Answered by `Event::Next`.
    Next {
        /// Chosen by the page; repeated in the answer.
        run: u32,
        /// The prompt.
        prompt: Prompt,
        /// Number of candidates.
        top: u32,
    },
    /// Asks about the inside of the model. Answered by `Event::Answer`, `Event::AskStopped` or `Event::Failed`; long
    /// questions first send `Event::AskProgress` and `Event::AnswerPart`.
    ///
    /// A question waits for the commands before it, including generations. `Command::Generate`, `Command::Fork`,
    /// `Command::LoadModel` and `Command::Stop` end the long questions before them.
    Ask {
        /// Chosen by the page; repeated in every event of this question.
        run: u32,
        /// The question.
        question: Question,
    },
    /// Ends a generation or question that is running or waiting.
    Withdraw {
        /// Its number.
        run: u32,
    },
    /// Ends the running generation after the current token, or the running question. The `Event::Finished` of the
    /// generation has the reason `Stopped`; a question is answered by `Event::AskStopped`.
    Stop,
    /// Deletes a complete or partial model from the browser's storage. Answered by `Event::Stored`.
    ForgetModel {
        /// `StoredModel::key`.
        key: String,
    },
    /// Deletes all models from the browser's storage. Answered by `Event::Stored`.
    ForgetModels,
}

impl Command {
    /// The page's number of the generation or question that the command starts.
    #[must_use]
    pub fn run(&self) -> Option<u32> {
        match self {
            Self::Generate { run, .. }
            | Self::Fork { run, .. }
            | Self::Next { run, .. }
            | Self::Ask { run, .. } => Some(*run),
            _ => None,
        }
    }
}

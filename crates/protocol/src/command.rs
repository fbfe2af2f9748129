use serde::{Deserialize, Serialize};

use crate::{
    ForkRequest, GenerateRequest, HubAccess, ModelSource, Prompt, Question, SamplingParams,
};

/// Commands from the page to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Find an adapter and request a device. Answered by `Event::AdapterReady` or `Event::Failed`.
    Start,
    /// List the models that this site offers and this browser stores. Answered by `Event::Models`.
    ListModels,
    /// Download the model if the browser has not stored it, and upload it to the GPU. Answered by `Event::Loading`
    /// many times, then `Event::ModelReady`, `Event::LoadCancelled` or `Event::Failed`.
    LoadModel {
        /// Where the model comes from. The files of `ModelSource::Local` are sent with the command, in the same
        /// order.
        source: ModelSource,
        /// How to reach the model hub.
        hub: HubAccess,
        /// Round activations to 8 bits with a scale per 32 wherever they are multiplied by quantised
        /// weights.
        #[serde(default)]
        pack_activations: bool,
    },
    /// Cancel loading. The downloaded bytes are kept for the next attempt.
    CancelLoad,
    /// Continue a prompt. Answered by `Event::PromptTokens`, `Event::Token` many times, then
    /// `Event::Finished` or `Event::Failed`. A generation that is running is stopped first.
    Generate {
        /// Chosen by the page; repeated in every event that belongs to this generation.
        run: u32,
        /// What to generate.
        request: GenerateRequest,
    },
    /// Keep the first tokens of a generation, append another token, and continue. Answered as `Command::Generate`;
    /// the generations since the last of those can be forked, and they can in turn.
    Fork {
        /// Chosen by the page; repeated in every event that belongs to this generation.
        run: u32,
        /// The generation to fork.
        of: u32,
        /// The position, the token, and the settings.
        request: ForkRequest,
    },
    /// Change the sampling parameters of the running generation, from the next step that is not submitted yet.
    SetSampling {
        /// How.
        params: SamplingParams,
    },
    /// The distribution of the token that follows `prompt`. Answered by `Event::Next`.
    Next {
        /// Chosen by the page; repeated in the answer.
        run: u32,
        /// The tokens to predict after.
        prompt: Prompt,
        /// How many candidates to return.
        top: u32,
    },
    /// Ask about the inside of the model. Answered by `Event::Answer`, preceded by `Event::AskProgress` and
    /// `Event::AnswerPart` if it takes long; or by `Event::AskStopped` or `Event::Failed`. Questions wait for earlier
    /// commands, including generations. `Command::Generate`, `Command::Fork`, `Command::LoadModel` and
    /// `Command::Stop` end earlier long questions.
    Ask {
        /// Chosen by the page; repeated in every event that belongs to this question.
        run: u32,
        /// What.
        question: Question,
    },
    /// End this generation or question, whether it is running or waiting.
    Withdraw {
        /// Its number.
        run: u32,
    },
    /// End the running generation after the current token, or the running question. A generation's `Event::Finished`
    /// says `Stopped`; a question answers with `Event::AskStopped`.
    Stop,
    /// Delete one stored model, complete or partial. Answered by `Event::Stored`.
    ForgetModel {
        /// `StoredModel::key`.
        key: String,
    },
    /// Delete all stored models. Answered by `Event::Stored`.
    ForgetModels,
}

impl Command {
    /// The page's number of a generation or question that this begins.
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

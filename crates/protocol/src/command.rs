use serde::{Deserialize, Serialize};

use crate::{
    ForkRequest, GenerateRequest, HubAccess, ModelSource, Prompt, Question, SamplingParams,
};

/// What the page asks of the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Find an adapter and make a device. Answered by `Event::AdapterReady` or `Event::Failed`.
    Start,
    /// Tell which models this site offers and this browser holds. Answered by `Event::Models`.
    ListModels,
    /// Fetch the model if the browser does not hold it yet, and bring it to the GPU. Answered by
    /// `Event::Loading` many times, then `Event::ModelReady`, `Event::LoadCancelled` or
    /// `Event::Failed`.
    LoadModel {
        /// Where the model comes from. The files of `ModelSource::Local` travel beside the text of
        /// the command, in the same order.
        source: ModelSource,
        /// How to reach the model hub.
        hub: HubAccess,
        /// Round activations to 8 bits with a scale per 32 wherever they are multiplied by quantised
        /// weights.
        #[serde(default)]
        pack_activations: bool,
    },
    /// End the loading at hand. What has arrived of a download is kept for the next attempt.
    CancelLoad,
    /// Continue a prompt. Answered by `Event::PromptTokens`, `Event::Token` many times, then
    /// `Event::Finished` or `Event::Failed`. A generation that is running is stopped first.
    Generate {
        /// Chosen by the page; repeated in every event that belongs to this generation.
        run: u32,
        /// What to generate.
        request: GenerateRequest,
    },
    /// Keep the first tokens of a generation, put another token after them, and go on from there.
    /// Answered as `Command::Generate`; the generations since the last of those can be forked, and
    /// they can in turn.
    Fork {
        /// Chosen by the page; repeated in every event that belongs to this generation.
        run: u32,
        /// The generation to fork.
        of: u32,
        /// Where, with what, and how far to go on.
        request: ForkRequest,
    },
    /// Choose the tokens of the running generation otherwise, from the next step that is not under
    /// way.
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
    /// Ask about the inside of the model. Answered by `Event::Answer`, before which long ones tell of
    /// `Event::AskProgress` and `Event::AnswerPart`; or by `Event::AskStopped` or `Event::Failed`.
    /// Questions wait for the commands before them, a generation too; and `Command::Generate`,
    /// `Command::Fork`, `Command::LoadModel` and `Command::Stop` end long ones that came before.
    Ask {
        /// Chosen by the page; repeated in every event that belongs to this question.
        run: u32,
        /// What.
        question: Question,
    },
    /// End this generation or question, whether it runs already or still waits.
    Withdraw {
        /// Its number.
        run: u32,
    },
    /// End the running generation after the token at hand, or the running question. A generation's
    /// `Event::Finished` says `Stopped`; a question answers with `Event::AskStopped`.
    Stop,
    /// Delete one model that this browser holds, or what has arrived of it. Answered by
    /// `Event::Stored`.
    ForgetModel {
        /// `StoredModel::key`.
        key: String,
    },
    /// Delete all models that this browser holds. Answered by `Event::Stored`.
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

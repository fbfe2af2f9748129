use serde::{Deserialize, Serialize};

use crate::{Candidate, Distribution, PatchSite, Prompt, TokenPiece};

/// Effect of interventions on the token after a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AblationReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// Distribution of the unchanged model.
    pub before: Distribution,
    /// Distribution with the interventions.
    pub after: Distribution,
    /// Kullback-Leibler divergence of `after` from `before`, in nats.
    pub kl: f64,
    /// The tokens whose probabilities changed most, largest change first.
    pub moved: Vec<MovedToken>,
}

/// A token whose probability changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MovedToken {
    /// The token.
    pub piece: TokenPiece,
    /// Its probability before.
    pub before: f64,
    /// Its probability after.
    pub after: f64,
}

/// Effect of ablating each head on the token after a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// The most probable next token of the unchanged model.
    pub answer: Option<Candidate>,
    /// All heads, largest effect first.
    pub heads: Vec<HeadEffect>,
}

/// Effect of ablating one head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadEffect {
    /// Its layer, from 0.
    pub layer: u32,
    /// The query head, from 0.
    pub head: u32,
    /// Kullback-Leibler divergence of the next token's distribution from that of the unchanged model, in nats.
    pub kl: f64,
    /// Probability of the answer with the head ablated.
    pub answer_probability: f64,
}

/// Scores of all heads on a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadsReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// All heads, by layer and head.
    pub heads: Vec<HeadScore>,
}

/// Scores of a head: means over the rows of its attention probabilities, except the first row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadScore {
    /// Its layer, from 0.
    pub layer: u32,
    /// The query head, from 0.
    pub head: u32,
    /// Entropy in nats.
    pub entropy: f64,
    /// Probability of the previous position.
    pub previous_token: f64,
    /// Probability of position 0.
    pub first_token: f64,
    /// Probability of the position after an earlier occurrence of the same token; `None` if no token repeats.
    pub induction: Option<f64>,
}

/// A request to run a corrupt prompt with activations of a clean prompt, one at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchRequest {
    /// The prompt that provides the activations.
    pub clean: Prompt,
    /// The prompt that is run; it must have the same number of tokens.
    pub corrupt: Prompt,
    /// The patched activation; by default the residual stream.
    #[serde(default)]
    pub site: PatchSite,
    /// If the site is a head: the query head in each layer, from 0; `None` for all heads of a layer together.
    #[serde(default)]
    pub head: Option<u32>,
    /// The clean answer; `None` for the most probable token of the clean run.
    #[serde(default)]
    pub answer: Option<u32>,
    /// The corrupt answer; `None` for the most probable token of the corrupt run.
    #[serde(default)]
    pub against: Option<u32>,
}

/// How much of the clean answer is restored by patching each position of each layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchReport {
    /// Tokens of the clean prompt.
    pub clean: Vec<TokenPiece>,
    /// Tokens of the corrupt prompt.
    pub corrupt: Vec<TokenPiece>,
    /// The clean answer.
    pub answer: TokenPiece,
    /// The corrupt answer.
    pub against: TokenPiece,
    /// The patched activation.
    #[serde(default)]
    pub site: PatchSite,
    /// If the site is a head: the query head in each layer; `None` for all heads of a layer together.
    #[serde(default)]
    pub head: Option<u32>,
    /// Logit of `answer` minus logit of `against`, in the clean run.
    pub clean_difference: f64,
    /// The same in the corrupt run.
    pub corrupt_difference: f64,
    /// (layers, positions): logit difference with the site patched in that layer at that position, scaled so that 0 is
    /// the corrupt run and 1 the clean run.
    pub restored: Vec<Vec<f64>>,
}

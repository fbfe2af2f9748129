use serde::{Deserialize, Serialize};

use crate::{Candidate, Distribution, PatchSite, Prompt, TokenPiece};

/// What interventions did to the token after a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AblationReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// What may follow in the model as it is.
    pub before: Distribution,
    /// What may follow in the changed model.
    pub after: Distribution,
    /// Kullback-Leibler divergence of the second from the first, in nats.
    pub kl: f64,
    /// The tokens whose probability changed most, most first.
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

/// What each head by itself does for the token after a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// The most probable next token of the model as it is.
    pub answer: Option<Candidate>,
    /// All heads, the one that matters most first.
    pub heads: Vec<HeadEffect>,
}

/// What happens when one head is ablated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadEffect {
    /// Its layer, from 0.
    pub layer: u32,
    /// The query head, from 0.
    pub head: u32,
    /// Kullback-Leibler divergence of the next token's distribution from that of the model as it is,
    /// in nats.
    pub kl: f64,
    /// What the probability of the answer is now.
    pub answer_probability: f64,
}

/// What kind of head each is, on a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadsReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// All heads, by layer and head.
    pub heads: Vec<HeadScore>,
}

/// Means over the rows of a head's attention probabilities but the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadScore {
    /// Its layer, from 0.
    pub layer: u32,
    /// The query head, from 0.
    pub head: u32,
    /// Entropy in nats.
    pub entropy: f64,
    /// Probability on the position before.
    pub previous_token: f64,
    /// Probability on position 0.
    pub first_token: f64,
    /// Probability on what followed the same token before; none where no token repeats.
    pub induction: Option<f64>,
}

/// A request to run a corrupt prompt with one activation of a clean prompt after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchRequest {
    /// Where the activations come from.
    pub clean: Prompt,
    /// What is run; of as many tokens.
    pub corrupt: Prompt,
    /// Which activation; the residual stream, if it is not said.
    #[serde(default)]
    pub site: PatchSite,
    /// Where the site is a head: which query head of each layer, from 0; none for all of a layer
    /// together.
    #[serde(default)]
    pub head: Option<u32>,
    /// The clean answer; none for the token that the clean run finds most probable.
    #[serde(default)]
    pub answer: Option<u32>,
    /// The corrupt answer; none for the token that the corrupt run finds most probable.
    #[serde(default)]
    pub against: Option<u32>,
}

/// How much of the clean answer each position of each layer brings back.
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
    /// What was taken from the clean run.
    #[serde(default)]
    pub site: PatchSite,
    /// Of heads: which of each layer; none for all of a layer together.
    #[serde(default)]
    pub head: Option<u32>,
    /// Logit of the answer minus logit of the other, in the clean run.
    pub clean_difference: f64,
    /// The same in the corrupt run.
    pub corrupt_difference: f64,
    /// (layers, positions): the site of that layer is taken from the clean run at that position. 0 is
    /// the corrupt run, 1 the clean one.
    pub restored: Vec<Vec<f64>>,
}

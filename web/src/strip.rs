//! The sequence on the token strip: its tokens, what each was chosen among, and the selection.

use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::{Distribution, GenerateSummary, TokenPiece, TokenStep};

/// Who wrote a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is part of the prompt.
    Prompt,
    /// The model chose it.
    Generated,
}

impl Origin {
    /// The value of the `data-origin` attribute.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Generated => "generated",
        }
    }
}

/// One token of the sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct StripToken {
    /// The token.
    pub piece: TokenPiece,
    /// Who wrote it.
    pub origin: Origin,
    /// What it was chosen among; for a prompt token only once somebody asked.
    pub distribution: Option<Arc<Distribution>>,
}

/// One run on the strip.
#[derive(Clone, Copy)]
pub struct Strip {
    /// Number of the run.
    pub run: RwSignal<u32>,
    /// The tokens; their index is their position.
    pub tokens: RwSignal<Vec<StripToken>>,
    /// The prompt as the reader typed it for this run.
    pub prompt_text: RwSignal<String>,
    /// Whether it went through the chat template, so that the text is an answer and no
    /// continuation.
    pub chat: RwSignal<bool>,
    /// The text that the model wrote.
    pub text: RwSignal<String>,
    /// The selected position; none follows the newest token.
    pub selected: RwSignal<Option<u32>>,
    /// Tokens per second so far, once there are two new tokens.
    pub live_rate: RwSignal<Option<f64>>,
    /// How the run ended.
    pub summary: RwSignal<Option<GenerateSummary>>,
    first_token_s: StoredValue<f64>,
}

impl Strip {
    /// An empty strip.
    pub fn new() -> Self {
        Self {
            run: RwSignal::new(0),
            tokens: RwSignal::new(Vec::new()),
            prompt_text: RwSignal::new(String::new()),
            chat: RwSignal::new(false),
            text: RwSignal::new(String::new()),
            selected: RwSignal::new(None),
            live_rate: RwSignal::new(None),
            summary: RwSignal::new(None),
            first_token_s: StoredValue::new(0.0),
        }
    }

    /// Takes everything off it.
    pub fn clear(&self) {
        self.begin(self.run.get_untracked(), String::new(), false);
    }

    /// Clears it for run number `run`.
    pub fn begin(&self, run: u32, prompt_text: String, chat: bool) {
        self.run.set(run);
        self.tokens.set(Vec::new());
        self.prompt_text.set(prompt_text);
        self.chat.set(chat);
        self.text.set(String::new());
        self.selected.set(None);
        self.live_rate.set(None);
        self.summary.set(None);
    }

    /// Puts the prompt's tokens on it.
    pub fn prompt(&self, pieces: Vec<TokenPiece>) {
        let origin = Origin::Prompt;
        let token = |piece| StripToken {
            piece,
            origin,
            distribution: None,
        };
        self.tokens.set(pieces.into_iter().map(token).collect());
    }

    /// Adds a new token.
    pub fn push(&self, step: TokenStep) {
        self.text.update(|text| text.push_str(&step.text));
        let distribution = step.distribution.map(Arc::new);
        let mut new_tokens = 0;
        self.tokens.update(|tokens| {
            tokens.push(StripToken {
                piece: step.piece,
                origin: Origin::Generated,
                distribution,
            });
            new_tokens = tokens
                .iter()
                .rev()
                .take_while(|it| it.origin == Origin::Generated)
                .count();
        });
        if new_tokens == 1 {
            self.first_token_s.set_value(step.elapsed_s);
        } else {
            let elapsed_s = step.elapsed_s - self.first_token_s.get_value();
            self.live_rate
                .set((elapsed_s > 0.0).then(|| (new_tokens - 1) as f64 / elapsed_s));
        }
    }

    /// Ends the run.
    pub fn finish(&self, summary: GenerateSummary) {
        if let Some(text) = &summary.text {
            self.text.set(text.clone());
        }
        self.summary.set(Some(summary));
    }

    /// Remembers what the token at `position` was chosen among.
    pub fn set_distribution(&self, position: u32, distribution: Distribution) {
        self.tokens.update(|tokens| {
            if let Some(token) = tokens.get_mut(position as usize) {
                token.distribution = Some(Arc::new(distribution));
            }
        });
    }

    /// Number of tokens.
    pub fn len(&self) -> u32 {
        self.tokens.with(|tokens| tokens.len() as u32)
    }

    /// The position whose distribution is shown: the selected one, else the newest new token.
    pub fn shown(&self) -> Option<u32> {
        self.selected.get().or_else(|| {
            self.tokens.with(|tokens| match tokens.last() {
                Some(last) if last.origin == Origin::Generated => Some(tokens.len() as u32 - 1),
                _ => None,
            })
        })
    }

    /// The token at `position`.
    pub fn token(&self, position: u32) -> Option<StripToken> {
        self.tokens
            .with(|tokens| tokens.get(position as usize).cloned())
    }

    /// The ids before `position`.
    pub fn prefix(&self, position: u32) -> Vec<u32> {
        self.tokens.with(|tokens| {
            tokens
                .iter()
                .take(position as usize)
                .map(|token| token.piece.id)
                .collect()
        })
    }
}

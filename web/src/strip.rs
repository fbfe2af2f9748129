//! The sequence on the token strip: its tokens, their candidates, and the selection.

use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::{
    Distribution, Draw, GenerateSummary, PositionReport, TokenPacket, TokenPiece, TokenStep,
};

/// Where a token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is part of the prompt.
    Prompt,
    /// The model chose it.
    Generated,
    /// Inserted by the user instead of the model's choice.
    Forced,
}

impl Origin {
    /// The value of the `data-origin` attribute.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Generated => "generated",
            Self::Forced => "forced",
        }
    }
}

/// One token of the sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct StripToken {
    /// The token.
    pub piece: TokenPiece,
    /// Where it comes from.
    pub origin: Origin,
    /// Its candidates; for a prompt token only after they were requested.
    pub distribution: Option<Arc<Distribution>>,
    /// -log2 of its probability, if known.
    pub surprisal: Option<f64>,
    /// How it was sampled, if it was.
    pub draw: Option<Draw>,
    /// Its packet.
    pub packet: Option<Arc<TokenPacket>>,
    /// The text it completes; empty in a prompt.
    pub text: String,
    /// Seconds from the request to the token; `None` in a prompt.
    pub elapsed_s: Option<f64>,
}

impl StripToken {
    /// A token without measurements.
    fn bare(piece: TokenPiece, origin: Origin) -> Self {
        Self {
            piece,
            origin,
            distribution: None,
            surprisal: None,
            draw: None,
            packet: None,
            text: String::new(),
            elapsed_s: None,
        }
    }

    /// A token that the model chose.
    fn chosen(step: TokenStep) -> Self {
        let distribution = step.distribution.map(Arc::new);
        Self {
            surprisal: surprisal(distribution.as_deref(), step.piece.id),
            piece: step.piece,
            origin: Origin::Generated,
            distribution,
            draw: step.draw,
            packet: step.packet.map(Arc::new),
            text: step.text,
            elapsed_s: Some(step.elapsed_s),
        }
    }
}

/// -log2 of the probability of a token, if it is among the candidates.
fn surprisal(distribution: Option<&Distribution>, id: u32) -> Option<f64> {
    let candidate = distribution?.top.iter().find(|it| it.id == id)?;
    Some(-candidate.probability.log2())
}

/// The run on the strip.
#[derive(Clone, Copy)]
pub struct Strip {
    /// Number of the run.
    pub run: RwSignal<u32>,
    /// The tokens by position.
    pub tokens: RwSignal<Vec<StripToken>>,
    /// The prompt as typed for this run.
    pub prompt_text: RwSignal<String>,
    /// Whether the chat template was applied, so that the text is an answer, not a continuation.
    pub chat: RwSignal<bool>,
    /// The text that the model generated.
    pub text: RwSignal<String>,
    /// The selected position; none means that the newest token is shown.
    pub selected: RwSignal<Option<u32>>,
    /// Tokens per second so far, once there are two new tokens.
    pub live_rate: RwSignal<Option<f64>>,
    /// How the run ended.
    pub summary: RwSignal<Option<GenerateSummary>>,
    /// A position from the address that does not exist yet.
    pub wished: StoredValue<Option<u32>>,
    first_token_s: StoredValue<f64>,
    /// Number of tokens before the run's first new one.
    begun_at: StoredValue<usize>,
}

/// A sequence that is not on the strip.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its run.
    pub run: u32,
    /// Its tokens.
    pub tokens: Vec<StripToken>,
    /// How it ended.
    pub summary: Option<GenerateSummary>,
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
            wished: StoredValue::new(None),
            first_token_s: StoredValue::new(0.0),
            begun_at: StoredValue::new(0),
        }
    }

    /// Removes all tokens.
    pub fn clear(&self) {
        self.begin(self.run.get_untracked(), String::new(), false);
    }

    /// Clears the strip for run `run`.
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

    /// Starts run `run` as a fork that keeps the first `kept` tokens.
    pub fn fork(&self, run: u32, kept: u32) {
        self.run.set(run);
        self.tokens.update(|tokens| tokens.truncate(kept as usize));
        self.text.set(self.generated_text());
        self.selected.set(None);
        self.live_rate.set(None);
        self.summary.set(None);
    }

    /// Sets the tokens from which the model continues. Existing tokens keep their measurements.
    pub fn prompt(&self, pieces: Vec<TokenPiece>) {
        self.tokens.update(|tokens| {
            let kept = tokens.len();
            let origin = if kept == 0 {
                Origin::Prompt
            } else {
                Origin::Forced
            };
            for piece in pieces.into_iter().skip(kept) {
                let mut token = StripToken::bare(piece, origin);
                if origin == Origin::Forced {
                    token.text = String::from_utf8_lossy(&token.piece.bytes).into_owned();
                }
                tokens.push(token);
            }
        });
        self.begun_at
            .set_value(self.tokens.with_untracked(Vec::len));
        self.text.set(self.generated_text());
        self.select_wished();
    }

    /// Appends a generated token.
    pub fn push(&self, step: TokenStep) {
        self.text.update(|text| text.push_str(&step.text));
        let elapsed_s = step.elapsed_s;
        self.tokens
            .update(|tokens| tokens.push(StripToken::chosen(step)));
        let new_tokens = self.tokens.with_untracked(Vec::len) - self.begun_at.get_value();
        if new_tokens == 1 {
            self.first_token_s.set_value(elapsed_s);
        } else {
            let elapsed_s = elapsed_s - self.first_token_s.get_value();
            self.live_rate
                .set((elapsed_s > 0.0).then(|| (new_tokens - 1) as f64 / elapsed_s));
        }
        self.select_wished();
    }

    /// Ends the run.
    pub fn finish(&self, summary: GenerateSummary) {
        if let Some(text) = &summary.text {
            // The streamed text does not include an incomplete character at the end.
            let begun_at = self.begun_at.get_value();
            let before = self.text_until(begun_at);
            self.text.set(before + text);
        }
        self.summary.set(Some(summary));
    }

    /// The text after the prompt.
    fn generated_text(&self) -> String {
        self.text_until(usize::MAX)
    }

    fn text_until(&self, end: usize) -> String {
        self.tokens.with_untracked(|tokens| {
            let tokens = tokens.iter().take(end);
            tokens.map(|token| token.text.as_str()).collect()
        })
    }

    /// Selects the position from the address, once it exists.
    fn select_wished(&self) {
        if let Some(wished) = self.wished.get_value()
            && wished < self.tokens.with_untracked(|tokens| tokens.len() as u32)
        {
            self.selected.set(Some(wished));
            self.wished.set_value(None);
        }
    }

    /// Tokens per second of the last run, or of the current one so far. Tracks both.
    pub fn rate(&self) -> Option<f64> {
        let last = self
            .summary
            .with(|summary| summary.as_ref()?.decode_tokens_per_s);
        last.or_else(|| self.live_rate.get())
    }

    /// All token ids.
    pub fn ids(&self) -> Vec<u32> {
        self.prefix(u32::MAX)
    }

    /// The sequence, to be restored later.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            run: self.run.get_untracked(),
            tokens: self.tokens.get_untracked(),
            summary: self.summary.get_untracked(),
        }
    }

    /// Restores a sequence.
    pub fn restore(&self, snapshot: Snapshot) {
        self.run.set(snapshot.run);
        self.tokens.set(snapshot.tokens);
        self.text.set(self.generated_text());
        self.selected.set(None);
        self.live_rate.set(None);
        self.summary.set(snapshot.summary);
    }

    /// Sets the distribution of the token at `position`.
    pub fn set_distribution(&self, position: u32, distribution: Arc<Distribution>) {
        self.tokens.update(|tokens| {
            if let Some(token) = tokens.get_mut(position as usize) {
                token.surprisal =
                    surprisal(Some(&distribution), token.piece.id).or(token.surprisal);
                token.distribution = Some(distribution);
            }
        });
    }

    /// Sets distribution and surprisal of the prompt tokens.
    pub fn set_positions(&self, positions: &[PositionReport]) {
        self.tokens.update(|tokens| {
            for report in positions {
                let at = report.position as usize + 1;
                if let (Some(following), Some(token)) = (&report.following, tokens.get_mut(at)) {
                    token.surprisal = Some(following.surprisal_bits);
                    token
                        .distribution
                        .get_or_insert_with(|| Arc::new(report.distribution.clone()));
                }
            }
        });
    }

    /// Number of tokens.
    pub fn len(&self) -> u32 {
        self.tokens.with(|tokens| tokens.len() as u32)
    }

    /// The position whose distribution is shown: the selected one, else the newest generated token.
    pub fn shown(&self) -> Option<u32> {
        self.selected.get().or_else(|| {
            self.tokens.with(|tokens| match tokens.last() {
                Some(last) if last.origin != Origin::Prompt => Some(tokens.len() as u32 - 1),
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

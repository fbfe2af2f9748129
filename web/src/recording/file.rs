//! The file of a recording: JSON lines, as `vitrine trace --packets` writes them (`docs/trace.md`).

use serde::Serialize;
use serde_json::{Map, Value, json};
use vitrine_protocol::{
    Distribution, GenerateSummary, ModelSummary, PacketParts, TokenPacket, TokenPiece, TokenStep,
    TraceLine,
};

/// Maximum number of layers, of heads per layer, and of candidates per token. Models have fewer, and graphics of more
/// could not be drawn.
const MOST: u32 = 1024;

/// A generation with everything that was recorded. As JSON it is one object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recording {
    /// The model that ran.
    pub model: ModelSummary,
    /// The adapter that it ran on.
    pub adapter: String,
    /// The time of the recording in UTC (ISO 8601); `None` in older files.
    pub recorded: Option<String>,
    /// The parts of its packets.
    pub parts: PacketParts,
    /// The prompt's tokens.
    pub tokens: Vec<TokenPiece>,
    /// The new tokens.
    pub steps: Vec<TokenStep>,
    /// How the generation ended, and its timings.
    pub summary: GenerateSummary,
}

/// Why a file is not a recording. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The first line does not describe a model and a prompt.
    NoBeginning,
    /// A line cannot be read.
    Line(usize),
    /// A line does not match the model of the first line, or the lines before it.
    Misfit(usize),
    /// The file ends before the generation does.
    NoEnd,
}

/// Reads a recording.
///
/// # Errors
/// When the text is not a recording, or is incomplete.
pub fn read(text: &str) -> Result<Recording, Damage> {
    let mut lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    let parse = |line: &str| serde_json::from_str(line).ok().or_else(|| earlier(line));
    let Some(TraceLine::Prompt {
        model,
        adapter,
        recorded,
        parts,
        tokens,
    }) = lines.next().and_then(|(_, line)| parse(line))
    else {
        return Err(Damage::NoBeginning);
    };
    let sizes = [model.num_hidden_layers, model.num_attention_heads];
    if sizes.iter().any(|it| !(1..=MOST).contains(it)) {
        return Err(Damage::Misfit(1));
    }
    let mut steps: Vec<TokenStep> = Vec::new();
    let mut end = None;
    for (number, line) in lines {
        match parse(line).ok_or(Damage::Line(number))? {
            _ if end.is_some() => return Err(Damage::Misfit(number)),
            TraceLine::Prompt { .. } => return Err(Damage::Misfit(number)),
            TraceLine::Token(step) => {
                let expected = tokens.len() + steps.len();
                let shown = |it: &Distribution| it.top.len() <= MOST as usize;
                let whole = step
                    .packet
                    .as_ref()
                    .is_none_or(|it| fits(it, parts, &model))
                    && step.distribution.as_ref().is_none_or(shown);
                if step.position as usize != expected || !whole {
                    return Err(Damage::Misfit(number));
                }
                steps.push(*step);
            }
            TraceLine::Summary(summary) => end = Some((number, summary)),
        }
    }
    let (number, summary) = end.ok_or(Damage::NoEnd)?;
    if tokens.is_empty() || !summary.ids.iter().eq(steps.iter().map(|it| &it.piece.id)) {
        return Err(Damage::Misfit(number));
    }
    Ok(Recording {
        model,
        adapter,
        recorded,
        parts,
        tokens,
        steps,
        summary,
    })
}

/// Parses a line of a file written by version 0.1, which stored the kind of the line in the field `kind`.
fn earlier(line: &str) -> Option<TraceLine> {
    let mut fields: Map<String, Value> = serde_json::from_str(line).ok()?;
    let kind = fields.remove("kind")?;
    let content = match kind.as_str()? {
        "token" => fields.remove("step")?,
        "summary" => fields.remove("summary")?,
        _ => fields.into(),
    };
    serde_json::from_value(json!({ kind.as_str()?: content })).ok()
}

/// Whether each part of a packet is either missing or has the shape that the model requires.
fn fits(packet: &TokenPacket, parts: PacketParts, model: &ModelSummary) -> bool {
    let layers = model.num_hidden_layers as usize;
    let heads = model.num_attention_heads as usize;
    let kv_heads = model.num_key_value_heads as usize;
    let count = |found: usize, wanted: usize| found == 0 || found == wanted;
    let norms = |rows: &[Vec<f32>]| {
        count(rows.len(), layers) && rows.iter().all(|row| row.len() == kv_heads)
    };
    count(packet.heads.len(), layers)
        && packet.heads.iter().all(|row| row.len() == heads)
        && count(packet.residual.len(), 2 * layers + 1)
        && count(packet.neurons.len(), layers)
        && norms(&packet.keys)
        && norms(&packet.values)
        && count(
            packet.lens.len(),
            layers.div_ceil(parts.lens_every() as usize),
        )
}

impl Recording {
    /// The file.
    pub fn lines(&self) -> String {
        let first = TraceLine::Prompt {
            model: self.model.clone(),
            adapter: self.adapter.clone(),
            recorded: self.recorded.clone(),
            parts: self.parts,
            tokens: self.tokens.clone(),
        };
        let steps = self
            .steps
            .iter()
            .map(|step| TraceLine::Token(Box::new(step.clone())));
        let last = TraceLine::Summary(self.summary.clone());
        let lines = [first].into_iter().chain(steps).chain([last]);
        let mut text = String::new();
        for line in lines {
            // Serialising these types cannot fail.
            if let Ok(line) = serde_json::to_string(&line) {
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }

    /// The prompt as text, without special tokens.
    pub fn prompt_text(&self) -> String {
        let pieces = self.tokens.iter().filter(|it| !it.special);
        let bytes: Vec<u8> = pieces.flat_map(|it| it.bytes.iter().copied()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests;

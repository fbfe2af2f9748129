use vitrine_protocol::{TokenEntry, TokenizeReport};
use vitrine_text::Tokenizer;

/// The tokens of a text one by one, and their text.
#[must_use]
pub fn tokenize_report(tokenizer: &Tokenizer, ids: &[u32]) -> TokenizeReport {
    let entry = |(position, &id): (u32, &u32)| {
        let piece = tokenizer.piece(id);
        TokenEntry {
            position,
            id,
            piece: tokenizer.vocabulary_entry(id),
            text: piece.as_ref().map(|piece| piece.text.clone()),
            bytes: piece.map(|piece| piece.bytes).unwrap_or_default(),
        }
    };
    TokenizeReport {
        tokens: (0..).zip(ids).map(entry).collect(),
        text: tokenizer.decode(ids, false),
    }
}

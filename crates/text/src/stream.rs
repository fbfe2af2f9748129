use crate::Tokenizer;
use crate::decoding::{Part, Start};

/// Decodes ids to text one at a time. Bytes of an incomplete character are held back.
///
/// The concatenated output equals [`Tokenizer::decode`] of all ids, with one exception: if a run of byte tokens
/// (`<0xE4>`) ends inside a character, `decode` replaces the whole run by U+FFFD, but the stream has already returned
/// its complete characters.
#[derive(Debug)]
pub struct StreamDecoder<'a> {
    tokenizer: &'a Tokenizer,
    skip_special: bool,
    waiting: Vec<u8>,
    /// Whether a token was decoded.
    begun: bool,
    /// Number of characters that may still be dropped at the beginning of the text.
    droppable: usize,
}

impl<'a> StreamDecoder<'a> {
    /// Creates a decoder for the beginning of a text.
    pub fn new(tokenizer: &'a Tokenizer, skip_special: bool) -> Self {
        let droppable = match tokenizer.decoding().start {
            Start::Strip(_, count) => count,
            _ => 0,
        };
        Self {
            tokenizer,
            skip_special,
            waiting: Vec::new(),
            begun: false,
            droppable,
        }
    }

    /// Adds an id and returns the text that it completes, which may be empty.
    pub fn push(&mut self, id: u32) -> String {
        if let Some(piece) = self.tokenizer.unlisted(id) {
            self.begun = true;
            return match piece.special && self.skip_special {
                true => String::new(),
                false => self.bytes(&piece.bytes),
            };
        }
        let Some(mut token) = self.tokenizer.shown(id, self.skip_special) else {
            return String::new();
        };
        let decoding = self.tokenizer.decoding();
        let first = !std::mem::replace(&mut self.begun, true);
        match decoding.start {
            Start::DropFromFirst(character) if first => token = token.replace(character, ""),
            Start::Separate if !first => token.insert(0, ' '),
            _ => {}
        }
        let text = match decoding.part(&token) {
            Part::Bytes(bytes) => self.bytes(&bytes),
            Part::Text(text) => self.give_up() + &text,
        };
        self.without_droppable(text)
    }

    /// Adds bytes and returns the characters that they complete.
    fn bytes(&mut self, bytes: &[u8]) -> String {
        self.waiting.extend(bytes);
        let marks_each_byte = self.tokenizer.decoding().marks_each_byte();
        let (text, used) = complete_text(&self.waiting, marks_each_byte);
        self.waiting.drain(..used);
        text
    }

    /// Ends the text and returns the bytes of an incomplete character as U+FFFD.
    pub fn finish(mut self) -> String {
        self.give_up()
    }

    /// Returns the bytes held back, as U+FFFD.
    fn give_up(&mut self) -> String {
        let bytes = std::mem::take(&mut self.waiting);
        if self.tokenizer.decoding().marks_each_byte() {
            "\u{FFFD}".repeat(bytes.len())
        } else {
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }

    /// Drops characters at the beginning of the text that do not belong to it.
    fn without_droppable(&mut self, text: String) -> String {
        let Start::Strip(character, _) = self.tokenizer.decoding().start else {
            return text;
        };
        let mut rest = text.as_str();
        while self.droppable > 0 && !rest.is_empty() {
            match rest.strip_prefix(character) {
                Some(shorter) => {
                    rest = shorter;
                    self.droppable -= 1;
                }
                None => self.droppable = 0,
            }
        }
        rest.to_owned()
    }
}

impl Tokenizer {
    /// A decoder that takes one id at a time.
    pub fn stream(&self, skip_special: bool) -> StreamDecoder<'_> {
        StreamDecoder::new(self, skip_special)
    }
}

/// Decodes all bytes except an incomplete character at the end. Returns the text and the number of bytes decoded.
/// Invalid bytes become U+FFFD.
fn complete_text(bytes: &[u8], mark_each_byte: bool) -> (String, usize) {
    let mut text = String::new();
    let mut used = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        used += chunk.valid().len();
        let invalid = chunk.invalid();
        let unfinished = used + invalid.len() == bytes.len()
            && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
        if !unfinished && !invalid.is_empty() {
            let marks = if mark_each_byte { invalid.len() } else { 1 };
            text.push_str(&"\u{FFFD}".repeat(marks));
            used += invalid.len();
        }
    }
    (text, used)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::tests::small;

    /// The id of each byte in the small vocabulary.
    fn id_of(tokenizer: &Tokenizer, byte: u8) -> u32 {
        (0u32..)
            .find(|id| tokenizer.piece(*id).unwrap().bytes == [byte])
            .unwrap()
    }

    fn stream(bytes: &[u8]) -> (Vec<String>, String) {
        let tokenizer = Tokenizer::from_gguf(small()).unwrap();
        let ids: Vec<u32> = bytes.iter().map(|byte| id_of(&tokenizer, *byte)).collect();
        let mut decoder = tokenizer.stream(true);
        let mut parts: Vec<String> = ids.iter().map(|id| decoder.push(*id)).collect();
        parts.push(decoder.finish());
        let whole = tokenizer.decode(&ids, true);
        assert_eq!(parts.concat(), whole, "{bytes:?}");
        assert_eq!(whole, String::from_utf8_lossy(bytes), "{bytes:?}");
        (parts, whole)
    }

    #[test]
    fn a_character_comes_when_it_is_whole() {
        let (parts, _) = stream("aé🙂".as_bytes());
        assert_eq!(parts, ["a", "", "é", "", "", "", "🙂", ""]);
    }

    #[test]
    fn an_unfinished_character_waits_for_the_end() {
        let (parts, _) = stream(&"🙂".as_bytes()[..3]);
        assert_eq!(parts, ["", "", "", "\u{FFFD}"]);
    }

    #[test]
    fn impossible_bytes_do_not_hold_up_what_follows() {
        let (parts, _) = stream(b"\xFFa\xC3b");
        assert_eq!(parts, ["\u{FFFD}", "a", "", "\u{FFFD}b", ""]);
    }

    #[test]
    fn any_bytes_give_the_same_text_streamed_and_whole() {
        // Few distinct bytes, so that valid, broken and unfinished sequences all occur.
        let bytes = [
            0x61, 0xC3, 0xA9, 0xE2, 0x82, 0xF0, 0x9F, 0x99, 0x80, 0xED, 0xFF, 0xF4,
        ];
        let mut state = 1u32;
        for _ in 0..300 {
            let sequence: Vec<u8> = (0..10)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    bytes[(state >> 16) as usize % bytes.len()]
                })
                .collect();
            stream(&sequence);
        }
    }

    #[test]
    fn special_tokens_can_be_left_out() {
        let tokenizer = Tokenizer::from_gguf(small()).unwrap();
        let mut without = tokenizer.stream(true);
        let mut with = tokenizer.stream(false);
        assert_eq!(
            (without.push(1), with.push(1)),
            (String::new(), "<|im_start|>".to_owned())
        );
    }
}

use crate::Tokenizer;

/// Turns ids that arrive one by one into text, and never shows half a character: the bytes of an
/// unfinished one wait. All that it gives together equals [`Tokenizer::decode`] of all ids.
#[derive(Debug)]
pub struct StreamDecoder<'a> {
    tokenizer: &'a Tokenizer,
    skip_special: bool,
    waiting: Vec<u8>,
}

impl<'a> StreamDecoder<'a> {
    /// A decoder that has seen nothing yet.
    pub fn new(tokenizer: &'a Tokenizer, skip_special: bool) -> Self {
        Self {
            tokenizer,
            skip_special,
            waiting: Vec::new(),
        }
    }

    /// The text that this id completes; often a word, sometimes nothing.
    pub fn push(&mut self, id: u32) -> String {
        self.waiting
            .extend_from_slice(self.tokenizer.bytes(id, self.skip_special));
        let (text, used) = complete_text(&self.waiting);
        self.waiting.drain(..used);
        text
    }

    /// What still waits, as U+FFFD: no more ids will complete it.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.waiting).into_owned()
    }
}

/// The text of all bytes but those of an unfinished character at the end, and how many bytes that
/// is. Bytes that can never become a character show as U+FFFD at once.
fn complete_text(bytes: &[u8]) -> (String, usize) {
    let unfinished = match bytes.utf8_chunks().last() {
        Some(chunk) => {
            let rest = chunk.invalid();
            match std::str::from_utf8(rest) {
                // `error_len` is none where more bytes could still make a character.
                Err(error) if error.error_len().is_none() => rest.len(),
                _ => 0,
            }
        }
        None => 0,
    };
    let used = bytes.len() - unfinished;
    (String::from_utf8_lossy(&bytes[..used]).into_owned(), used)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::tests::small;

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

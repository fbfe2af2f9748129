//! GGUF files.

use super::{Files, assert_refused, check_sentence, good_gguf, open};

fn model(file: Vec<u8>) -> Files {
    Files::from([("model.gguf".to_owned(), file)])
}

/// Writes a GGUF file from its parts.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn new(tensors: u64, keys: u64) -> Self {
        let mut writer = Self(b"GGUF".to_vec());
        writer.u32(3);
        writer.u64(tensors);
        writer.u64(keys);
        writer
    }

    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    fn string(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.0.extend(text.as_bytes());
    }

    fn tensor(&mut self, name: &str, dims: &[u64], kind: u32, offset: u64) {
        self.string(name);
        self.u32(dims.len() as u32);
        for n in dims {
            self.u64(*n);
        }
        self.u32(kind);
        self.u64(offset);
    }

    /// The file with this many bytes of tensors.
    fn end(mut self, data: usize) -> Files {
        self.0.resize(self.0.len().next_multiple_of(32) + data, 0);
        model(self.0)
    }
}

const STRING: u32 = 8;
const ARRAY: u32 = 9;

#[test]
fn truncated_files() {
    let whole = good_gguf();
    let end = position(&whole, b"output_norm.weight") + 100;
    // Every byte of the header and of the last entries; elsewhere every seventh.
    let cuts =
        (0..end.min(whole.len())).filter(|cut| *cut < 600 || cut % 7 == 0 || *cut + 200 > end);
    // The last tensor is filled up to 32 bytes.
    for cut in cuts.chain([whole.len() / 2, whole.len() - 32]) {
        check_sentence(&open(&model(whole[..cut].to_vec())).expect_err("cut"));
    }
}

fn position(bytes: &[u8], text: &[u8]) -> usize {
    bytes
        .windows(text.len())
        .position(|window| window == text)
        .unwrap()
}

#[test]
fn counts_that_no_file_can_hold() {
    for count in [1 << 63, u64::MAX, 100_001] {
        assert_refused(&Writer::new(count, 0).end(0), "damaged");
        assert_refused(&Writer::new(0, count).end(0), "damaged");
    }
    for length in [1 << 63, u64::MAX, 1 << 40] {
        let mut key = Writer::new(0, 1);
        key.u64(length);
        assert_refused(&key.end(64), "damaged");

        let mut text = Writer::new(0, 1);
        text.string("general.name");
        text.u32(STRING);
        text.u64(length);
        assert_refused(&text.end(64), "damaged");

        let mut array = Writer::new(0, 1);
        array.string("tokenizer.ggml.tokens");
        array.u32(ARRAY);
        array.u32(STRING);
        array.u64(length);
        assert_refused(&array.end(64), "damaged");

        let mut numbers = Writer::new(0, 1);
        numbers.string("tokenizer.ggml.scores");
        numbers.u32(ARRAY);
        numbers.u32(6);
        numbers.u64(length);
        assert_refused(&numbers.end(64), "damaged");
    }
}

#[test]
fn a_million_tensors() {
    let mut file = Writer::new(1_000_000, 0);
    for number in 0..1_000_000 {
        file.tensor(&format!("t{number}"), &[1], 0, 0);
    }
    assert_refused(&file.end(32), "1000000 tensors");
}

#[test]
fn arrays_in_arrays() {
    let mut file = Writer::new(0, 1);
    file.string("deep");
    file.u32(ARRAY);
    for _ in 0..1_000_000 {
        file.u32(ARRAY);
        file.u64(1);
    }
    assert_refused(&file.end(0), "damaged");
}

#[test]
fn keys_and_values_that_cannot_be() {
    let mut kind = Writer::new(0, 1);
    kind.string("general.name");
    kind.u32(13);
    assert_refused(&kind.end(64), "damaged");
    let mut twice = Writer::new(0, 2);
    for _ in 0..2 {
        twice.string("general.name");
        twice.u32(STRING);
        twice.string("a");
    }
    assert_refused(&twice.end(0), "twice");
    for alignment in [0, 3, u32::MAX] {
        let mut file = Writer::new(0, 1);
        file.string("general.alignment");
        file.u32(4);
        file.u32(alignment);
        assert_refused(&file.end(64), "alignment");
    }
}

#[test]
fn tensors_that_cannot_be() {
    let max = u64::MAX;
    let past = "truncated";
    for (dims, kind, offset, words) in [
        (&[8][..], 0, 64, past),
        (&[8], 0, 1 << 40, past),
        (&[8], 0, max, "beyond the end"),
        (&[1 << 62], 0, 0, "beyond the end"),
        (&[max, max], 0, 0, "more elements"),
        (&[33], 8, 0, "whole blocks"),
        (&[1; 5], 0, 0, "dimensions"),
    ] {
        let mut file = Writer::new(1, 0);
        file.tensor("a", dims, kind, offset);
        assert_refused(&file.end(64), words);
    }
    let mut many = Writer::new(1, 0);
    many.string("a");
    many.u32(u32::MAX);
    assert_refused(&many.end(64), "dimensions");
    let mut twice = Writer::new(2, 0);
    twice.tensor("a", &[8], 0, 0);
    twice.tensor("a", &[8], 0, 32);
    assert_refused(&twice.end(64), "twice");
    let mut overlap = Writer::new(2, 0);
    overlap.tensor("a", &[16], 0, 0);
    overlap.tensor("b", &[8], 0, 32);
    assert_refused(&overlap.end(96), "overlaps");
}

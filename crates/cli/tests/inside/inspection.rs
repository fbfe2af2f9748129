//! The logit lens, traces and attention.

use safetensors::SafeTensors;

use crate::run::{json, vitrine};
use crate::{PROMPT, close, numbers, random, scratch};

#[test]
fn the_last_row_of_the_lens_is_what_next_says() {
    let lens = json(&["lens", PROMPT, "--top", "3", "--json"]);
    let next = json(&["next", PROMPT, "--top", "3", "--json"]);
    assert_eq!(lens["prompt_ids"], next["prompt_ids"]);
    let rows = lens["lens"].as_array().unwrap();
    assert_eq!(rows.len(), 31);
    let last = &rows[30][4];
    for (seen, said) in last
        .as_array()
        .unwrap()
        .iter()
        .zip(next["top"].as_array().unwrap())
    {
        assert_eq!(seen["id"], said["id"]);
        assert!(close(&seen["probability"], &said["probability"], 1e-4));
    }
    // The model does not know it from the beginning: the first layers say something else.
    let answer = &last[0]["id"];
    assert_ne!(&rows[0][4][0]["id"], answer);
    let from = lens["leads_from"][4].as_u64().unwrap() as usize;
    assert!(rows[from..].iter().all(|row| &row[4][0]["id"] == answer));
    assert!(from > 0 && &rows[from - 1][4][0]["id"] != answer);

    let table = vitrine(&["lens", PROMPT]);
    let table = String::from_utf8(table.stdout).unwrap();
    // A row of tokens, 30 layers, the output, and the sentence.
    assert_eq!(table.lines().count(), 33, "{table}");
    assert!(table.contains("\" Tokyo\" (70.3 %) leads"), "{table}");
    assert!(!table.contains('\u{1b}'), "{table:?}");
}

#[test]
fn a_trace_holds_what_was_asked_for_and_agrees_with_the_other_commands() {
    let out = scratch("trace.safetensors");
    let taps = "hidden_states,attentions,logits,lens.0,q.1";
    let report = random("trace", &["--tap", taps, "--out", &out]);
    let bytes = std::fs::read(&out).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().as_ref().unwrap();
    assert_eq!(metadata["prompt_ids"], "[5,6,7,5,6]");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for (name, shape) in [
        ("hidden_states.0", &[5, 144][..]),
        ("hidden_states.3", &[5, 144]),
        ("attentions.2", &[9, 5, 5]),
        ("logits", &[5, 1003]),
        ("lens.0", &[5, 1003]),
        ("q.1", &[9, 5, 16]),
    ] {
        assert_eq!(file.tensor(name).unwrap().shape(), shape, "{name}");
    }
    assert_eq!(file.len(), 4 + 3 + 1 + 1 + 1);
    assert_eq!(report["tensors"].as_array().unwrap().len(), file.len());
    let floats = |name: &str| -> Vec<f32> {
        let bytes = file.tensor(name).unwrap().data();
        let words = bytes.chunks_exact(4);
        words
            .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
            .collect()
    };

    let logits = floats("logits");
    let next = random("next", &["--top", "0"]);
    for candidate in next["top"].as_array().unwrap() {
        let id = candidate["id"].as_u64().unwrap() as usize;
        assert_eq!(
            logits[4 * 1003 + id],
            candidate["logit"].as_f64().unwrap() as f32
        );
    }

    let head = random("attention", &["--layer", "2", "--head", "4"]);
    let matrix: Vec<f64> = head["attention"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(numbers)
        .collect();
    let traced = &floats("attentions.2")[4 * 25..5 * 25];
    assert!(matrix.iter().zip(traced).all(|(a, b)| *a as f32 == *b));
    for (query, row) in matrix.chunks_exact(5).enumerate() {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        assert!(row[query + 1..].iter().all(|hidden| *hidden == 0.0));
    }
    // Control: another head is another matrix.
    assert_ne!(
        head["attention"],
        random("attention", &["--layer", "2", "--head", "5"])["attention"]
    );

    let summary = random("attention", &["--summary"]);
    let heads = summary["heads"].as_array().unwrap();
    assert_eq!(heads.len(), 27);
    assert_eq!(heads[2 * 9 + 4], head["scores"]);
    assert!(head["scores"]["induction"].is_number());
}

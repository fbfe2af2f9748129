//! Packets of tokens.

use serde_json::Value;

use crate::run::{RANDOM, json, vitrine};
use crate::scratch;

/// `vitrine schema > docs/trace.schema.json` regenerates it.
#[test]
fn the_schema_in_the_documentation_is_that_of_the_program() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/trace.schema.json");
    let documented: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(documented, json(&["schema"]));
}

#[test]
fn packets_are_a_line_for_each_token() {
    let lines = |more: &[&str]| -> Vec<Value> {
        let file = scratch("trace.jsonl");
        let given = [
            "trace",
            "--ids",
            "5,6,7",
            "--model",
            RANDOM,
            "--max-new-tokens",
            "3",
        ];
        let output = vitrine(&[&given[..], &["--packets", &file], more].concat());
        assert!(output.status.success());
        let text = std::fs::read_to_string(file).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let all = lines(&[]);
    let kinds: Vec<&str> = all
        .iter()
        .map(|line| line.as_object().unwrap().keys().next().unwrap().as_str())
        .collect();
    assert_eq!(kinds, ["prompt", "token", "token", "token", "summary"]);
    let packet = &all[1]["token"]["packet"];
    for (part, length) in [
        ("heads", 3),
        ("residual", 7),
        ("neurons", 3),
        ("keys", 3),
        ("values", 3),
        ("lens", 3),
    ] {
        assert_eq!(packet[part].as_array().unwrap().len(), length, "{part}");
    }
    // The embedding, two halves of each layer, head, choice and packet; nothing without timestamps.
    if let Some(timings) = packet.get("timings") {
        assert_eq!(timings.as_array().unwrap().len(), 10);
        let seconds = timings.as_array().unwrap().iter();
        assert!(
            seconds
                .map(|stage| stage["seconds"].as_f64().unwrap())
                .sum::<f64>()
                > 0.0
        );
    }
    let counts = packet["logits"]["counts"].as_array().unwrap();
    assert_eq!(counts.iter().filter_map(Value::as_u64).sum::<u64>(), 1003);

    let given = [
        "generate",
        "--ids",
        "5,6,7",
        "--model",
        RANDOM,
        "--max-new-tokens",
        "3",
    ];
    let generated = json(&[&given[..], &["--json"]].concat());
    assert_eq!(all[4]["summary"]["ids"], generated["ids"]);

    let some = lines(&["--lens-every", "2"]);
    let lens = |line: &Value, layer: usize| line["token"]["packet"]["lens"][layer].clone();
    assert_eq!(lens(&some[1], 1), lens(&all[1], 2));
    assert!(lens(&some[1], 2).is_null());
    assert_eq!(some[0]["prompt"]["parts"].as_u64().unwrap() >> 8, 1);

    let some = lines(&["--parts", "heads"]);
    let packet = some[1]["token"]["packet"].as_object().unwrap();
    let names: Vec<&str> = packet.keys().map(String::as_str).collect();
    assert_eq!(names, ["heads", "logsumexp"]);
}

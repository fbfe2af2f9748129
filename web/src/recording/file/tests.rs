use vitrine_protocol::{FinishReason, HeadPacket, ResidualPacket, TokenPacket};

use super::*;

fn piece(id: u32, text: &str) -> TokenPiece {
    TokenPiece {
        id,
        token: Some(text.to_owned()),
        bytes: text.as_bytes().to_vec(),
        special: id == 1,
    }
}

/// One layer, two heads.
fn recording() -> Recording {
    let head = HeadPacket {
        entropy: 0.1,
        max: 0.9,
        argmax: 0,
        first_token: 0.9,
    };
    let residual = ResidualPacket {
        norm: 1.5,
        added: 0.5,
    };
    let packet = TokenPacket {
        logsumexp: 3.25,
        heads: vec![vec![head; 2]],
        residual: vec![residual; 3],
        ..TokenPacket::default()
    };
    let step = |position: u32, id: u32| TokenStep {
        position,
        piece: piece(id, " b"),
        text: String::from(" b"),
        distribution: None,
        packet: Some(packet.clone()),
        draw: None,
        elapsed_s: f64::from(position) / 4.0,
    };
    Recording {
        model: ModelSummary {
            name: String::from("tiny"),
            architecture: String::from("llama"),
            parameters: 10,
            format: String::from("F32"),
            weight_bytes: 40,
            kv_bytes_per_token: 8,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            num_key_value_heads: 1,
            hidden_size: 4,
            vocab_size: 8,
            max_position_embeddings: 16,
            has_chat_template: false,
        },
        adapter: String::from("a GPU"),
        recorded: Some(String::from("2026-01-31T12:00:00Z")),
        parts: PacketParts::HEADS.with(PacketParts::RESIDUAL),
        tokens: vec![piece(1, "<s>"), piece(2, "a")],
        steps: vec![step(2, 5), step(3, 6)],
        summary: GenerateSummary {
            finish_reason: FinishReason::Length,
            prompt_ids: vec![1, 2],
            ids: vec![5, 6],
            text: Some(String::from(" b b")),
            prefill_tokens_per_s: 8.0,
            decode_tokens_per_s: Some(4.0),
            time_to_first_token_s: 0.5,
        },
    }
}

fn without_line(index: usize) -> String {
    let text = recording().lines();
    let kept = text.lines().enumerate().filter(|(at, _)| *at != index);
    kept.map(|(_, line)| format!("{line}\n")).collect()
}

#[test]
fn what_was_written_is_read() {
    assert_eq!(read(&recording().lines()), Ok(recording()));
    assert_eq!(recording().prompt_text(), "a");
}

#[test]
fn a_file_without_a_date_is_read() {
    let mut old = recording();
    old.recorded = None;
    assert!(!old.lines().contains("recorded"));
    assert_eq!(read(&old.lines()), Ok(old));
}

#[test]
fn a_file_of_version_0_1_is_read() {
    let now = recording().lines();
    let first = now.lines().next().unwrap_or_default();
    let mut old = first.replacen(r#"{"prompt":{"#, r#"{"kind":"prompt","#, 1);
    old.pop();
    for line in now.lines().skip(1) {
        let line = line
            .replacen(r#"{"token":"#, r#"{"kind":"token","step":"#, 1)
            .replacen(r#"{"summary":"#, r#"{"kind":"summary","summary":"#, 1);
        old = old + "\n" + &line;
    }
    assert_ne!(old, now);
    assert_eq!(read(&old), Ok(recording()));
}

#[test]
fn missing_parts_are_reported() {
    assert_eq!(read(""), Err(Damage::NoBeginning));
    assert_eq!(read("{\"kind\":\"token\"}"), Err(Damage::NoBeginning));
    assert_eq!(read(&without_line(0)), Err(Damage::NoBeginning));
    assert_eq!(read(&without_line(1)), Err(Damage::Misfit(2)));
    // The summary names a missing token.
    assert_eq!(read(&without_line(2)), Err(Damage::Misfit(3)));
    assert_eq!(read(&without_line(3)), Err(Damage::NoEnd));
}

#[test]
fn truncated_or_changed_files_are_reported() {
    let text = recording().lines();
    let second_line = text.find('\n').unwrap_or(0) + 40;
    assert_eq!(read(&text[..second_line]), Err(Damage::Line(2)));
    let twice = format!("{text}{text}");
    assert_eq!(read(&twice), Err(Damage::Misfit(5)));
    let mut huge = recording();
    huge.model.num_hidden_layers = u32::MAX;
    assert_eq!(read(&huge.lines()), Err(Damage::Misfit(1)));
    // Panels rely on the model's number of heads.
    let mut other = recording();
    other.model.num_attention_heads = 3;
    assert_eq!(read(&other.lines()), Err(Damage::Misfit(2)));
}

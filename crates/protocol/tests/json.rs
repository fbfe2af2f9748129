//! Messages have the JSON that `docs/protocol.md` describes, and invalid ones are refused.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use vitrine_protocol::{Answer, Command, Event, Prompt, Question, TokenizeReport};

#[test]
fn a_variant_without_fields_is_its_name() {
    let json = r#""list_models""#;
    assert_eq!(serde_json::to_string(&Command::ListModels).unwrap(), json);
    let read: Command = serde_json::from_str(json).unwrap();
    assert_eq!(read, Command::ListModels);
}

#[test]
fn enums_are_objects_of_one_field() {
    let prompt = Prompt::Ids { ids: vec![7, 9] };
    let command = Command::Ask {
        run: 3,
        question: Question::Positions { prompt, top: 5 },
    };
    let json = concat!(
        r#"{"ask":{"run":3,"question":{"positions":{"#,
        r#""prompt":{"ids":{"ids":[7,9]}},"top":5}}}}"#
    );
    assert_eq!(serde_json::to_string(&command).unwrap(), json);
    assert_eq!(serde_json::from_str::<Command>(json).unwrap(), command);

    let report = TokenizeReport {
        tokens: Vec::new(),
        text: "no".to_owned(),
    };
    let event = Event::Answer {
        run: 1,
        answer: Box::new(Answer::Tokenize(report)),
    };
    let json = r#"{"answer":{"run":1,"answer":{"tokenize":{"tokens":[],"text":"no"}}}}"#;
    assert_eq!(serde_json::to_string(&event).unwrap(), json);
    assert_eq!(serde_json::from_str::<Event>(json).unwrap(), event);
}

#[test]
fn what_does_not_fit_is_refused() {
    let refusal = |json: &str| {
        let read = serde_json::from_str::<Command>(json);
        read.unwrap_err().to_string()
    };
    assert!(refusal(r#""dance""#).contains("unknown variant `dance`"));
    assert!(refusal(r#"{"ask":{"run":3}}"#).contains("missing field `question`"));
    assert!(refusal(r#"{"ask":"#).contains("EOF"));
    assert!(refusal("{}").contains("expected value"));
}

//! Messages in JSON: the tag comes first, and what does not fit is refused.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

use vitrine_protocol::{Answer, Command, Event, Prompt, Question, TokenizeReport};

fn refusal(json: &str) -> String {
    serde_json::from_str::<Command>(json)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_variant_without_fields_is_its_tag() {
    let json = r#"{"kind":"list_models"}"#;
    assert_eq!(serde_json::to_string(&Command::ListModels).unwrap(), json);
    assert_eq!(
        serde_json::from_str::<Command>(json).unwrap(),
        Command::ListModels
    );
}

#[test]
fn fields_follow_the_tag_in_enums_within_enums() {
    let prompt = Prompt::Ids { ids: vec![7, 9] };
    let command = Command::Ask {
        run: 3,
        question: Question::Positions { prompt, top: 5 },
    };
    let json = concat!(
        r#"{"kind":"ask","run":3,"question":{"kind":"positions","#,
        r#""prompt":{"kind":"ids","ids":[7,9]},"top":5}}"#
    );
    assert_eq!(serde_json::to_string(&command).unwrap(), json);
    assert_eq!(serde_json::from_str::<Command>(json).unwrap(), command);
}

#[test]
fn the_fields_of_a_struct_follow_the_tag() {
    let report = TokenizeReport {
        tokens: Vec::new(),
        text: "no".to_owned(),
    };
    let event = Event::Answer {
        run: 1,
        answer: Box::new(Answer::Tokenize(report)),
    };
    let json = r#"{"kind":"answer","run":1,"answer":{"kind":"tokenize","tokens":[],"text":"no"}}"#;
    assert_eq!(serde_json::to_string(&event).unwrap(), json);
    assert_eq!(serde_json::from_str::<Event>(json).unwrap(), event);
}

#[test]
fn natively_the_tag_may_come_later() {
    let json = r#"{"question":{"user":"Hi","kind":"render"},"run":3,"kind":"ask"}"#;
    let expected = Command::Ask {
        run: 3,
        question: Question::Render {
            user: "Hi".to_owned(),
        },
    };
    assert_eq!(serde_json::from_str::<Command>(json).unwrap(), expected);
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(refusal(r#"{"run":3}"#).contains("missing field `kind`"));
    assert!(refusal("{}").contains("missing field `kind`"));
    assert!(refusal(r#"{"kind":"dance"}"#).contains("unknown variant `dance`"));
    assert!(refusal(r#"{"kind":"ask","run":3}"#).contains("missing field `question`"));
    assert!(refusal(r#"{"kind":"list_models""#).contains("EOF"));
    assert!(refusal(r#""list_models""#).contains("with the field `kind`"));
}

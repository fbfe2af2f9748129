//! Chat templates against jinja2 as transformers sets it up (`tests/reference/make_templates.py`).

use serde::Deserialize;
use vitrine_text::{ChatTemplate, Message, RenderChat, TextError};

#[derive(Deserialize)]
struct Fixture {
    conversations: Vec<Vec<Message>>,
    templates: Vec<Template>,
    expressions: Vec<Expression>,
}

/// One template, with the first conversation and without the generation prompt.
#[derive(Deserialize)]
struct Expression {
    source: String,
    /// None where jinja2 refuses.
    text: Option<String>,
}

#[derive(Deserialize)]
struct Template {
    source: String,
    /// For each conversation without and with the generation prompt; none where jinja2 refuses.
    texts: Vec<Option<String>>,
}

fn render(source: &str, messages: &[Message], prompt: bool) -> Result<String, TextError> {
    let token = |text: &str| Some(text.to_owned());
    ChatTemplate::new(source, token("<s>"), token("</s>"))?.render(messages, prompt)
}

#[test]
fn templates_write_what_jinja2_writes() {
    let file = include_str!("../fixtures/chat_templates.json");
    let fixture: Fixture = serde_json::from_str(file).unwrap();
    let mut differences = Vec::new();
    for Template { source, texts } in &fixture.templates {
        let mut wanted = texts.iter();
        for messages in &fixture.conversations {
            for prompt in [false, true] {
                let wanted = wanted.next().unwrap();
                let ours = render(source, messages, prompt);
                if ours.as_ref().ok() != wanted.as_ref() {
                    differences.push(format!("{source}\n  {ours:?}\n  instead of {wanted:?}"));
                }
            }
        }
    }
    differences.dedup();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn expressions_are_those_of_python() {
    let file = include_str!("../fixtures/chat_templates.json");
    let fixture: Fixture = serde_json::from_str(file).unwrap();
    let mut differences = Vec::new();
    for Expression { source, text } in &fixture.expressions {
        let ours = render(source, &fixture.conversations[0], false);
        if ours.as_ref().ok() != text.as_ref() {
            // The values that every expression begins with are left out.
            let short = source
                .rsplit_once("%}{{ ")
                .map_or(source.as_str(), |(_, rest)| rest);
            differences.push(format!("{short}\n  {ours:?}\n  instead of {text:?}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[test]
fn a_model_without_a_system_role_says_so_itself() {
    let source = "{% if messages[0]['role'] == 'system' %}\
        {{ raise_exception('System role not supported') }}{% endif %}ok";
    let message = |role| Message::new(role, "x");
    let refused = render(source, &[message("system"), message("user")], true);
    let Err(error @ TextError::Refused(_)) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        error.to_string().contains("System role not supported"),
        "{error}"
    );
    assert_eq!(
        render(source, &[message("user")], true).as_deref(),
        Ok("ok")
    );
}

#[test]
fn what_is_not_supported_is_refused_and_not_written_otherwise() {
    let result = render("{% include 'other' %}", &[], false);
    assert!(matches!(result, Err(TextError::Template(_))), "{result:?}");
}

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use serde::{Deserialize, Serialize};

use crate::TextError;
use gate::Budget;

mod gate;
mod python;
mod rewrite;

/// Maximum steps of the template engine. A long conversation takes a few hundred thousand.
const FUEL: u64 = 5_000_000;
/// Maximum output of a template, in bytes.
const MAX_BYTES: usize = 16 << 20;
/// Maximum size of a template, in bytes; the longest known ones have some ten thousand.
const MAX_SOURCE: usize = 256 << 10;
/// Maximum recursion depth of macros; small, because web workers have a small stack.
const MAX_DEPTH: usize = 100;
const NAME: &str = "chat";

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Author: `system`, `user` or `assistant`.
    pub role: String,
    /// Text.
    pub content: String,
}

impl Message {
    /// Creates a message.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: content.into(),
        }
    }

    fn to_value(&self) -> Value {
        Value::from_pairs([
            ("role", self.role.as_str()),
            ("content", self.content.as_str()),
        ])
    }
}

/// A chat template as stored in the model's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatTemplateSource {
    /// Jinja source.
    pub source: String,
    /// Texts of the special tokens by the names that templates use (`bos_token`).
    pub tokens: BTreeMap<String, String>,
}

impl ChatTemplateSource {
    /// Compiles the template.
    ///
    /// # Errors
    /// Fails if the template is not valid.
    pub fn compile(&self) -> Result<ChatTemplate, TextError> {
        ChatTemplate::with_tokens(&self.source, self.tokens.clone())
    }
}

/// Renders conversations as text.
pub trait RenderChat {
    /// Renders a conversation; with `add_generation_prompt` including the beginning of the reply.
    ///
    /// # Errors
    /// Fails if the template rejects the conversation, fails, or exceeds a limit.
    fn render(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<String, TextError>;
}

/// The model's own chat template (Jinja), applied as transformers does.
///
/// Templates come with the model and are not trusted: their work and output are bounded.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    budget: Arc<Budget>,
    /// Texts of the special tokens by the names that templates use (`bos_token`).
    tokens: BTreeMap<String, String>,
}

impl ChatTemplate {
    /// Compiles a template, with the texts of the BOS and EOS tokens.
    ///
    /// # Errors
    /// Fails if the template is not valid.
    pub fn new(source: &str, bos: Option<String>, eos: Option<String>) -> Result<Self, TextError> {
        let tokens = [("bos_token", bos), ("eos_token", eos)];
        let tokens = tokens
            .into_iter()
            .filter_map(|(name, text)| Some((name.to_owned(), text?)));
        Self::with_tokens(source, tokens.collect())
    }

    fn with_tokens(source: &str, tokens: BTreeMap<String, String>) -> Result<Self, TextError> {
        if source.len() > MAX_SOURCE {
            return Err(TextError::Template(format!(
                "it is {} bytes long",
                source.len()
            )));
        }
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(template_error)?;
        let source = python::prepare(source);
        let rewritten = rewrite::rewrite(&source, syntax).map_err(template_error)?;

        let budget = Arc::new(Budget::default());
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(MAX_DEPTH);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        python::install(&mut environment);
        gate::install(&mut environment, &budget);
        environment.add_global("__const", Value::from(rewritten.constants));
        environment.add_function("raise_exception", raise_exception);
        let own = Arc::clone(&budget);
        environment.set_formatter(move |output, state, value| {
            // Also called for text that is captured in a variable.
            own.make(own.printed(value)?)?;
            match value.kind() {
                ValueKind::Invalid => minijinja::escape_formatter(output, state, value),
                _ => Ok(output.write_str(&python::to_str(value))?),
            }
        });
        environment
            .add_template_owned(NAME, rewritten.source)
            .map_err(template_error)?;
        Ok(Self {
            environment,
            budget,
            tokens,
        })
    }
}

impl RenderChat for ChatTemplate {
    fn render(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<String, TextError> {
        let template = self
            .environment
            .get_template(NAME)
            .map_err(template_error)?;
        let context = context! {
            messages => messages.iter().map(Message::to_value).collect::<Value>(),
            add_generation_prompt => add_generation_prompt,
            // transformers always passes these two variables.
            tools => Value::from(()),
            documents => Value::from(()),
            ..Value::from_pairs(self.tokens.iter().map(|(name, text)| (name.as_str(), text.as_str())))
        };
        self.budget.fill();
        let mut output = BoundedOutput(Vec::new());
        template
            .render_captured_to(context, &mut output)
            .map_err(template_error)?;
        String::from_utf8(output.0).map_err(|error| TextError::Template(error.to_string()))
    }
}

/// The message that a template passed to `raise_exception`.
#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

fn raise_exception(message: &str) -> Result<Value, Error> {
    let refusal = Refusal(message.to_owned());
    Err(Error::new(ErrorKind::InvalidOperation, "raise_exception").with_source(refusal))
}

/// Error source that names the exceeded limit.
#[derive(Debug)]
struct TooMuch(&'static str);

impl TooMuch {
    const VALUE: &'static str = "16 MiB for one value";
    const MEMORY: &'static str = "128 MiB of text and lists";
}

impl fmt::Display for TooMuch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for TooMuch {}

fn too_much(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, what).with_source(TooMuch(what))
}

fn template_error(error: Error) -> TextError {
    let mut cause = Some(&error as &dyn std::error::Error);
    while let Some(current) = cause {
        if let Some(refusal) = current.downcast_ref::<Refusal>() {
            return TextError::Refused(refusal.0.clone());
        }
        if let Some(limit) = current.downcast_ref::<TooMuch>() {
            return TextError::Endless(limit.0);
        }
        if current
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::FileTooLarge)
        {
            return TextError::Endless("16 MiB of text");
        }
        if let Some(error) = current.downcast_ref::<Error>()
            && error.kind() == ErrorKind::OutOfFuel
        {
            return TextError::Endless("five million steps");
        }
        cause = current.source();
    }
    TextError::Template(error.to_string())
}

/// Collects the output of a template, up to [`MAX_BYTES`].
struct BoundedOutput(Vec<u8>);

impl io::Write for BoundedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str, messages: &[Message]) -> Result<String, TextError> {
        ChatTemplate::new(source, Some("<s>".to_owned()), None)?.render(messages, true)
    }

    fn hello() -> Vec<Message> {
        vec![
            Message::new("user", " Hello\n"),
            Message::new("assistant", "Hi"),
        ]
    }

    #[test]
    fn blocks_leave_no_whitespace_as_in_transformers() {
        let source = "{{ bos_token }}\n{% for message in messages %}\n    {% if true %}\n\
                      {{ message['role'] }}: {{ message.content.strip() }}\n    {% endif %}\n\
                      {% endfor %}\n{% if add_generation_prompt %}\nassistant:{% endif %}\n";
        let text = render(source, &hello()).unwrap();
        assert_eq!(text, "<s>\nuser: Hello\nassistant: Hi\nassistant:");
    }

    #[test]
    fn what_python_templates_use() {
        let cases = [
            (
                "{% if messages[-1]['content'].upper().startswith('H') %}yes{% endif %}",
                "yes",
            ),
            ("{{ messages[0].content.split('l')[0].lstrip() }}", "He"),
            (
                "{{ 'a-b'.replace('-', '+') }}{{ messages | length }}",
                "a+b2",
            ),
            (
                "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
                "2",
            ),
            (
                "{% for m in messages %}{% if loop.index0 == 1 %}{% break %}{% endif %}{{ m.role }}{% endfor %}",
                "user",
            ),
            (
                "{% if tools is none and tools is defined and eos_token is not defined %}yes{% endif %}",
                "yes",
            ),
            (
                "{{ messages[1] | tojson }}",
                "{\"role\": \"assistant\", \"content\": \"Hi\"}",
            ),
            ("{{ '<é\"' | tojson }}", "\"<é\\\"\""),
            ("{{ messages[0].content }}", " Hello\n"),
            ("{{ '<b>' }}{{ missing }}", "<b>"),
            ("a{%- generation -%} b {%- endgeneration -%} c", "abc"),
            ("{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m('y') }}", "[y]"),
            (
                "{{ messages[1:] | map(attribute='role') | join(',') }}",
                "assistant",
            ),
        ];
        for (source, expected) in cases {
            assert_eq!(
                render(source, &hello()).as_deref(),
                Ok(expected),
                "{source}"
            );
        }
    }

    #[test]
    fn a_template_may_refuse() {
        let source = "{{ raise_exception('roles must alternate') }}";
        assert_eq!(
            render(source, &hello()),
            Err(TextError::Refused("roles must alternate".to_owned()))
        );
    }

    #[test]
    fn endless_templates_are_refused() {
        let nested = "{% for a in range(9999) %}".repeat(4) + &"{% endfor %}".repeat(4);
        let recursive = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}";
        let doubling = "{% set x = 'aaaaaaaa' %}".to_owned()
            + &"{% set x %}{{ x }}{{ x }}{% endset %}".repeat(60);
        let long = "{% for a in range(9999) %}{{ 'x' * 9999 }}{% endfor %}";
        assert_eq!(
            render(&nested, &[]),
            Err(TextError::Endless("five million steps"))
        );
        assert!(matches!(
            render(recursive, &[]),
            Err(TextError::Template(_))
        ));
        assert_eq!(
            render(&doubling, &[]),
            Err(TextError::Endless("16 MiB for one value"))
        );
        assert_eq!(render(long, &[]), Err(TextError::Endless("16 MiB of text")));
        let source = " ".repeat(MAX_SOURCE + 1);
        assert!(matches!(render(&source, &[]), Err(TextError::Template(_))));
    }

    #[test]
    fn wrong_templates_are_refused_with_the_reason() {
        let cases = [
            "{% if %}",
            "{{ nothing.at.all }}",
            "{{ x | unknown }}",
            "{% include 'x' %}",
        ];
        for source in cases {
            let result = render(source, &[]);
            assert!(
                matches!(result, Err(TextError::Template(_))),
                "{source}: {result:?}"
            );
        }
    }

    #[test]
    fn long_conversations_are_no_problem() {
        let messages: Vec<_> = (0..2000)
            .map(|_| Message::new("user", "x".repeat(500)))
            .collect();
        let source = "{% for m in messages %}{{ m.role + ': ' + m.content | trim }}{% endfor %}";
        assert_eq!(render(source, &messages).unwrap().len(), 2000 * 506);
    }
}

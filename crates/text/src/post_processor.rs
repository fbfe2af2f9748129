//! Reads from the `post_processor` of a tokenizer.json which ids surround a text.

use serde_json::Value;

use crate::TextError;
use crate::error::damaged;

/// Ids before and after a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Around {
    pub(crate) before: Vec<u32>,
    pub(crate) after: Vec<u32>,
}

/// Parses a post-processor; `None` if it adds no ids.
///
/// The `tokenizers` crate could apply it, but panics if a template names a token that it does not define.
pub(crate) fn parse(processor: &Value) -> Result<Option<Around>, TextError> {
    parse_nested(processor, 0)
}

fn parse_nested(processor: &Value, depth: usize) -> Result<Option<Around>, TextError> {
    if processor.is_null() {
        return Ok(None);
    }
    match processor["type"].as_str() {
        Some("ByteLevel") => Ok(None),
        Some("TemplateProcessing") => template(processor).map(Some),
        Some("BertProcessing" | "RobertaProcessing") => {
            let token = |name: &str| id_of(&processor[name][1]);
            Ok(Some(Around {
                before: vec![token("cls")?],
                after: vec![token("sep")?],
            }))
        }
        Some("Sequence") if depth < 8 => {
            let mut all: Option<Around> = None;
            for inner in processor["processors"].as_array().into_iter().flatten() {
                if let Some(around) = parse_nested(inner, depth + 1)? {
                    let all = all.get_or_insert_default();
                    all.before.splice(0..0, around.before);
                    all.after.extend(around.after);
                }
            }
            Ok(all)
        }
        kind => Err(TextError::UnsupportedTokenizer {
            kind: format!(
                "with the post-processor {}",
                kind.unwrap_or("without a type")
            ),
            supported: "TemplateProcessing, ByteLevel, BertProcessing, RobertaProcessing"
                .to_owned(),
        }),
    }
}

fn template(processor: &Value) -> Result<Around, TextError> {
    let mut around = Around::default();
    let mut text_seen = false;
    let pieces = processor["single"]
        .as_array()
        .ok_or_else(|| damaged("its template for a single text is missing"))?;
    for piece in pieces {
        if let Some(name) = piece["SpecialToken"]["id"].as_str() {
            let ids = processor["special_tokens"][name]["ids"]
                .as_array()
                .ok_or_else(|| {
                    damaged(format!(
                        "its template names `{name}`, which it does not define"
                    ))
                })?;
            let side = if text_seen {
                &mut around.after
            } else {
                &mut around.before
            };
            for id in ids {
                side.push(id_of(id)?);
            }
        } else if piece["Sequence"]["id"] == "A" && !text_seen {
            text_seen = true;
        } else {
            return Err(damaged("its template for a single text is invalid"));
        }
    }
    if !text_seen {
        return Err(damaged(
            "its template for a single text does not contain the text",
        ));
    }
    Ok(around)
}

fn id_of(value: &Value) -> Result<u32, TextError> {
    value
        .as_u64()
        .and_then(|id| u32::try_from(id).ok())
        .ok_or_else(|| damaged("its post-processor has an invalid id"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Value {
        json!({"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]},
                               "</s>": {"id": "</s>", "ids": [2, 3], "tokens": ["</s>", "x"]}}})
    }

    #[test]
    fn a_template_puts_ids_around_the_text() {
        let around = Around {
            before: vec![1],
            after: vec![2, 3],
        };
        assert_eq!(parse(&template()), Ok(Some(around.clone())));
        let sequence = json!({"type": "Sequence",
            "processors": [{"type": "ByteLevel", "trim_offsets": true}, template()]});
        assert_eq!(parse(&sequence), Ok(Some(around)));
        let silent = json!({"type": "Sequence", "processors": [{"type": "ByteLevel"}]});
        assert_eq!(parse(&silent), Ok(None));
        assert_eq!(parse(&Value::Null), Ok(None));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let damage: [fn(&mut Value); 5] = [
            |t| t["special_tokens"] = json!({}),
            |t| t["special_tokens"]["<s>"]["ids"] = json!([-1]),
            |t| t["single"] = json!([]),
            |t| t["single"][1] = json!({"Sequence": {"id": "B"}}),
            |t| t["type"] = json!("Unheard"),
        ];
        for damage in damage {
            let mut value = template();
            damage(&mut value);
            assert!(parse(&value).is_err(), "{value}");
        }
    }
}

//! The page writes what `transformers` writes (`tests/reference/make_golden.py`).

use serde::Deserialize;

use crate::{
    app::{App, ids},
    session::in_browser,
};

#[derive(Deserialize)]
struct Golden {
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Prompt {
    name: String,
    messages: Option<Vec<Message>>,
    prompt: String,
    prompt_ids: Vec<u32>,
    new_ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn greedy_tokens_are_those_of_transformers() {
    let golden: Golden =
        serde_json::from_str(include_str!("../../fixtures/smollm2/golden.json")).unwrap();
    in_browser("golden", async move |session| {
        let app = App::with_model(&session).await;
        for golden in &golden.prompts {
            let (text, chat) = match golden.messages.as_deref() {
                Some([message]) => (&message.content, true),
                Some(_) => continue,
                None => (&golden.prompt, false),
            };
            app.generate(text, chat, golden.new_ids.len()).await;
            app.wait_until_generated().await;
            assert_eq!(
                ids(&app.tokens("prompt").await),
                golden.prompt_ids,
                "{}",
                golden.name
            );
            assert_eq!(
                ids(&app.tokens("generated").await),
                golden.new_ids,
                "{}",
                golden.name
            );
        }
    });
}

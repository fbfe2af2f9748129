//! A visit: load, write, look at the bars, stop, come back later.

use std::{fs, time::Duration};

use tokio::{task::spawn_blocking, time::sleep};

use crate::{
    app::{App, LATE, SOON, ids},
    native,
    session::{Session, in_browser},
    site::model_parts,
};

const PROMPT: &str = "The capital of Japan is";
const NEW_TOKENS: usize = 24;
const BARS: usize = 20;

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_visit() {
    in_browser("visit", async |session| {
        let app = App::with_model(&session).await;
        assert_eq!(
            app.attribute("from-storage", "data-value").await.as_deref(),
            Some("false")
        );

        writes_what_the_native_program_writes(&session, &app).await;
        stops(&app).await;
        comes_back_without_a_download(&session).await;

        let console = session.console().await.unwrap();
        let errors: Vec<_> = console
            .iter()
            .filter(|line| line.contains("SEVERE"))
            .collect();
        assert!(errors.is_empty(), "the browser complains: {errors:#?}");
    });
}

async fn writes_what_the_native_program_writes(session: &Session, app: &App<'_>) {
    let wanted = spawn_blocking(|| native::generate(PROMPT, NEW_TOKENS))
        .await
        .unwrap();

    app.generate(PROMPT, false, NEW_TOKENS).await;
    grows(app).await;
    app.wait_until_generated().await;

    let prompt = ids(&app.tokens("prompt").await);
    let generated = app.tokens("generated").await;
    assert_eq!(prompt, wanted.prompt_ids);
    assert_eq!(ids(&generated), wanted.ids);
    assert_eq!(app.exact_text("output").await, wanted.text);

    // The first token, one in the middle, the last.
    for token in [0, generated.len() / 2, generated.len() - 1].map(|index| &generated[index]) {
        let sequence: Vec<u32> = prompt.iter().copied().chain(ids(&generated)).collect();
        let before = sequence[..token.position as usize].to_vec();
        let wanted = spawn_blocking(move || native::next(&before, BARS))
            .await
            .unwrap();
        let bars = app.bars_of(token.position).await;
        assert_eq!(bars.top.len(), BARS);
        assert_eq!(bars.top[0].id, token.id, "greedy takes the best");
        for (bar, wanted) in bars.top.iter().zip(&wanted.top) {
            assert_eq!(bar.id, wanted.id, "at {}", token.position);
            assert!(
                (bar.logit - wanted.logit).abs() < 0.02,
                "{bar:?} is not {wanted:?}"
            );
            assert!(
                (bar.probability - wanted.probability).abs() < 0.002,
                "{bar:?}, {wanted:?}"
            );
        }
        assert!((bars.rest_probability - wanted.rest_probability).abs() < 0.002);
    }
    session.screenshot("page").await;
}

/// The text grows while the page generates, and not all at once.
async fn grows(app: &App<'_>) {
    let mut lengths = Vec::new();
    app.wait_for_state(&["generating"], SOON).await;
    while app.state().await == "generating" {
        let length = app.exact_text("output").await.len();
        if lengths.last() != Some(&length) {
            lengths.push(length);
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert!(
        lengths.is_sorted() && lengths.len() >= 4,
        "the text did not grow: {lengths:?}"
    );
}

async fn stops(app: &App<'_>) {
    let many = 200;
    app.generate("Once upon a time", false, many).await;
    app.wait_for_state(&["generating"], SOON).await;
    let enough = async {
        while app.tokens("generated").await.len() < 3 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LATE, enough)
        .await
        .expect("tokens come");
    app.click("stop").await;
    app.wait_for_state(&["ready"], SOON).await;

    let generated = app.tokens("generated").await.len();
    assert!(
        (3..many / 2).contains(&generated),
        "{generated} tokens in spite of Stop"
    );
    assert_eq!(
        app.attribute("speed", "data-finish").await.as_deref(),
        Some("stopped")
    );
    sleep(Duration::from_secs(3)).await;
    assert_eq!(
        app.tokens("generated").await.len(),
        generated,
        "tokens came after Stop"
    );
}

async fn comes_back_without_a_download(session: &Session) {
    // What is no longer on the site can only come from the browser's own storage.
    model_parts(&session.folder)
        .iter()
        .for_each(|part| fs::remove_file(part).unwrap());
    let app = App::with_model(session).await;
    assert_eq!(
        app.attribute("from-storage", "data-value").await.as_deref(),
        Some("true")
    );

    app.generate("The capital of France is", false, 1).await;
    app.wait_until_generated().await;
    assert_eq!(app.exact_text("output").await, " Paris");
}

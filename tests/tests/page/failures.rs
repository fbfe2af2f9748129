//! What goes wrong is said in one clear sentence.

use std::fs;

use crate::{
    app::{App, LATE, SOON},
    session::{in_browser, in_browser_without},
    site::model_parts,
};

/// Waits until the page has failed, and checks what it says.
async fn expect_failure(app: &App<'_>, kind: &str) {
    assert_eq!(
        app.wait_for_state_or_failure(&["failed"], LATE).await,
        "failed"
    );
    assert_eq!(
        app.attribute("error", "data-kind").await.as_deref(),
        Some(kind)
    );
    let said = app.text("error").await;
    assert!(said.len() > 20, "the page says only {said:?}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn without_an_adapter() {
    let flags = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
    in_browser_without("no-adapter", &flags, async |session| {
        let app = App::open(&session).await;
        expect_failure(&app, "no_adapter").await;
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_model_that_is_not_there() {
    in_browser("no-model", async |session| {
        model_parts(&session.folder)
            .iter()
            .for_each(|part| fs::remove_file(part).unwrap());
        let app = App::open(&session).await;
        if app.wait_for_state(&["no_model", "loading"], SOON).await == "no_model" {
            app.click("load").await;
        }
        expect_failure(&app, "network").await;
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_model_that_is_damaged() {
    in_browser("damaged", async |session| {
        let part = model_parts(&session.folder).pop().unwrap();
        let mut bytes = fs::read(&part).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        // A new file: the old one may be linked to the built site.
        fs::remove_file(&part).unwrap();
        fs::write(&part, bytes).unwrap();
        let app = App::open(&session).await;
        if app.wait_for_state(&["no_model", "loading"], SOON).await == "no_model" {
            app.click("load").await;
        }
        expect_failure(&app, "model").await;
    });
}

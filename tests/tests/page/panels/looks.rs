//! Screenshots of every panel, and a check that none is wider than its window.

use serde_json::{Value, json};

use super::{NEW_TOKENS, PROMPT, VIEWS};
use crate::{
    app::App,
    session::{Session, in_browser},
};

/// Widths and heights of the pictures.
const WINDOWS: [(u32, u32); 2] = [(1280, 1500), (390, 1800)];
/// The narrowest window: 1280 pixels, four times as large.
const NARROW: u32 = 320;

/// Light and dark, wide and narrow, in both languages.
#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn every_panel_fits_and_is_pictured() {
    in_browser("looks", async |session| {
        let app = App::with_model(&session).await;
        app.generate(PROMPT, false, NEW_TOKENS).await;
        app.wait_until_generated().await;
        for language in ["zh-TW", "en"] {
            speak(&app, language).await;
            for view in VIEWS {
                app.open_panel(view).await;
                for (width, height) in WINDOWS {
                    resize(&session, width, height).await;
                    for theme in ["dark", "light"] {
                        paint(&app, theme).await;
                        let name = format!("panel-{view}-{language}-{width}-{theme}");
                        session.screenshot(&name).await;
                    }
                    fits(&app, view).await;
                }
                resize(&session, NARROW, 900).await;
                fits(&app, view).await;
            }
        }
    });
}

/// Colours of the page.
pub async fn paint(app: &App<'_>, theme: &str) {
    let script = "
        document.documentElement.dataset.theme = arguments[0];
        document.querySelector('.stage').scrollIntoView();";
    let _: Value = app.script(script, json!(theme)).await;
}

async fn speak(app: &App<'_>, language: &str) {
    let script = "
        const menu = document.querySelector('[data-testid=language]');
        menu.value = arguments[0];
        menu.dispatchEvent(new Event('change', { bubbles: true }));";
    let _: Value = app.script(script, json!(language)).await;
    let spoken: String = app
        .script("return document.documentElement.lang", json!(null))
        .await;
    assert_eq!(spoken, language);
}

async fn resize(session: &Session, width: u32, height: u32) {
    let window = json!({
        "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
    });
    session
        .devtools("Emulation.setDeviceMetricsOverride", window)
        .await;
}

/// Only frames within the page may scroll sideways.
async fn fits(app: &App<'_>, view: &str) {
    let script = "return [document.documentElement.scrollWidth, window.innerWidth]";
    let (page, window): (u32, u32) = app.script(script, json!(null)).await;
    assert!(
        page <= window,
        "{view} is {page} wide in a window of {window}"
    );
}

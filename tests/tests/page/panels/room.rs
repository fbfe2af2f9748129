//! A lesson in front of a room: a link names the model, its diagram fills, one panel is in the light, and the frozen
//! stage stays unchanged while the model continues.

use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{NEW_TOKENS, PROMPT, access, looks::paint};
use crate::{
    app::{App, LATE, SOON},
    arrivals, native,
    session::{Session, in_browser},
};

const DOWN: &str = "\u{E015}";
const ESCAPE: &str = "\u{E00C}";

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_room_sees_what_the_teacher_wants() {
    in_browser("room", async |session| {
        let app = linked(&session).await;
        app.generate(PROMPT, false, NEW_TOKENS).await;
        app.wait_until_generated().await;
        app.open_panel("attention").await;
        app.click("present").await;
        spotlight(&session, &app).await;
        frozen(&session, &app).await;
        press(&app, ESCAPE).await;
        assert_eq!(app.count("spotlight").await, 0);
    });
}

/// Opens a link to the site's model, which is loaded with one button.
async fn linked(session: &Session) -> App<'_> {
    let app = App::open(session).await;
    app.wait_for_state(&["no_model"], SOON).await;
    assert_eq!(app.count("linked").await, 0);
    let name = app.attribute("load", "data-model").await.unwrap();
    follow(&app, "nobody-has-this").await;
    assert!(app.text("linked").await.contains("nobody-has-this"));
    assert_eq!(app.count("linked-load").await, 0);
    follow(&app, &name).await;
    arrivals::watch(&app).await;
    app.click("linked-load").await;
    app.wait_for_state(&["loading"], SOON).await;
    app.wait_for_state(&["ready"], LATE).await;
    assert_eq!(app.count("linked").await, 0);

    let report: Value = spawn_blocking(|| native::run(&["inspect"])).await.unwrap();
    let formats = report["formats"].as_array().unwrap();
    let sum = |name: &str| formats.iter().map(|it| it[name].as_u64().unwrap()).sum();
    let moments = arrivals::moments(&app).await;
    let came: Vec<_> = moments.iter().filter(|it| !it.gpu).collect();
    assert!(came.iter().any(|it| 0 < it.here && it.here < it.bytes));
    let last = moments.last().unwrap();
    assert!(last.gpu);
    assert_eq!((last.tensors, last.bytes), (sum("tensors"), sum("bytes")));
    assert_eq!((last.whole, last.here), (last.tensors, last.bytes));
    println!("the diagram changed {} times", moments.len());
    app
}

/// Goes to a link within the page.
async fn follow(app: &App<'_>, model: &str) {
    let script = "location.hash = `#view=next&model=${arguments[0]}`";
    let _: Value = app.script(script, json!(model)).await;
    let said = app.text("linked").await;
    assert!(said.contains(model), "{said}");
}

/// The key goes to the page, and to no field.
async fn press(app: &App<'_>, key: &str) {
    app.press("present", key).await;
}

async fn spotlight(session: &Session, app: &App<'_>) {
    let lit = "return [...document.querySelectorAll('.panel')]
        .flatMap((it, at) => it.matches('[data-lit]') ? [at] : [])";
    let none: Vec<usize> = app.script(lit, json!(null)).await;
    assert_eq!(none, [] as [usize; 0]);
    press(app, "s").await;
    let first: Vec<usize> = app.script(lit, json!(null)).await;
    assert_eq!(first.len(), 1);
    press(app, DOWN).await;
    let second: Vec<usize> = app.script(lit, json!(null)).await;
    assert!(second.len() == 1 && second > first, "{first:?} {second:?}");
    // The pointer, too.
    let point = "
        const { x, y } = document.querySelector('[data-testid=strip]').getBoundingClientRect();
        return [x + 20, y + 10]";
    let (x, y): (f64, f64) = app.script(point, json!(null)).await;
    let moved = json!({ "type": "mouseMoved", "x": x, "y": y });
    session.devtools("Input.dispatchMouseEvent", moved).await;
    let strip: bool = app
        .script(
            "return document.querySelector('[data-lit]').matches('.strip')",
            json!(null),
        )
        .await;
    assert!(strip, "what the pointer is on stays dark");
    press(app, DOWN).await;
    for theme in ["dark", "light"] {
        paint(app, theme).await;
        session.screenshot(&format!("spotlight-{theme}")).await;
    }
    press(app, "?").await;
    app.text("presenter-key-list").await;
    access::has_no_barriers(session, "spotlight").await;
    press(app, "?").await;
    press(app, ESCAPE).await;
    let none: Vec<usize> = app.script(lit, json!(null)).await;
    assert_eq!(none, [] as [usize; 0]);
}

async fn frozen(session: &Session, app: &App<'_>) {
    let seen = "return document.querySelector('[data-testid=frozen-picture]').innerText";
    let empty: String = app.script(seen, json!(null)).await;
    assert_eq!(empty, "");
    press(app, "f").await;
    let before: String = app.script(seen, json!(null)).await;
    assert!(
        before.contains(" Japan") || before.contains("Japan"),
        "{before}"
    );
    // The teacher continues behind it.
    let script = "document.querySelector('[data-testid=step]').click()";
    let _: Value = app.script(script, json!(null)).await;
    app.wait_until_generated().await;
    let tokens = app.count("token").await;
    assert_eq!(app.tokens("generated").await.len(), NEW_TOKENS + 1);
    let after: String = app.script(seen, json!(null)).await;
    assert_eq!(after, before);
    access::has_no_barriers(session, "frozen").await;
    session.screenshot("frozen").await;

    let shown = "return document.querySelector('[data-testid=strip]').checkVisibility()";
    let hidden: bool = app.script(shown, json!(null)).await;
    assert!(!hidden, "the present is seen beside the picture");
    app.click("unfreeze").await;
    let visible: bool = app.script(shown, json!(null)).await;
    assert!(visible);
    assert_eq!(app.count("token").await, tokens);
    assert_eq!(app.count("frozen").await, 0);
}

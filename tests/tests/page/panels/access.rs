//! Everybody can use every panel: axe-core finds no barrier, the keyboard is enough, and nothing moves with reduced
//! motion.

use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{NEW_TOKENS, PROMPT, VIEWS, looks::paint};
use crate::{
    app::App,
    session::{Session, in_browser},
    setup,
};

const ENTER: &str = "\u{E007}";
const LEFT: &str = "\u{E012}";
const RIGHT: &str = "\u{E014}";

/// Grids, each with its panel, the element that describes the cell under the pointer, and an attribute of it that
/// counts from left to right.
const GRIDS: [(&str, &str, &str, &str); 4] = [
    ("attention", "attention-cells", "attention-cell", "key"),
    ("lens", "lens-cells", "lens-cell", "position"),
    ("residual", "residual-cells", "residual-cell", "column"),
    ("cache", "cache-cells", "cache-cell", "column"),
];

/// Something that axe-core found.
#[derive(Debug, Deserialize)]
struct Violation {
    id: String,
    impact: Option<String>,
    help: String,
    nodes: Vec<String>,
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn everybody_can_use_every_panel() {
    in_browser("access", async |session| {
        let app = App::with_model(&session).await;
        app.generate(PROMPT, false, NEW_TOKENS).await;
        app.wait_until_generated().await;
        keyboard(&session, &app).await;
        calm(&session, &app).await;
        match setup::optional_path("VITRINE_AXE") {
            Some(path) => barriers(&session, &app, &fs::read_to_string(path).unwrap()).await,
            None => println!("axe-core is not there: barriers are not looked for"),
        }
    });
}

/// Opens every panel with the keyboard alone, and moves in its grids.
async fn keyboard(session: &Session, app: &App<'_>) {
    for view in VIEWS {
        let script = "
            document.querySelector(`[data-testid=view][data-view=${arguments[0]}]`).focus()";
        let _: Value = app.script(script, json!(view)).await;
        let focused = session.client.active_element().await.unwrap();
        focused.send_keys(ENTER).await.unwrap();
        assert_eq!(app.datum("stage").await.text("view"), view);
    }
    for (view, grid, cell, attribute) in GRIDS {
        app.open_panel(view).await;
        // It is there when there is an answer to draw.
        app.datum(cell).await;
        app.press(grid, "").await;
        let before = app.datum(cell).await.number(attribute);
        let (key, step) = if before > 0.0 {
            (LEFT, -1.0)
        } else {
            (RIGHT, 1.0)
        };
        app.press(grid, key).await;
        let after = app.datum(cell).await.number(attribute);
        assert_eq!(after, before + step, "{grid}");
    }
}

/// Nothing moves where the system asks for that.
async fn calm(session: &Session, app: &App<'_>) {
    let features = json!([{ "name": "prefers-reduced-motion", "value": "reduce" }]);
    let media = json!({ "features": features });
    session.devtools("Emulation.setEmulatedMedia", media).await;
    for view in VIEWS {
        app.open_panel(view).await;
        let script = "
            return document.getAnimations()
                .filter((it) => it.effect.getComputedTiming().duration > 1)
                .map((it) => it.animationName ?? it.transitionProperty)";
        let moving: Vec<String> = app.script(script, json!(null)).await;
        assert!(moving.is_empty(), "{view} moves: {moving:?}");
    }
    let usual = json!({ "features": [] });
    session.devtools("Emulation.setEmulatedMedia", usual).await;
}

async fn barriers(session: &Session, app: &App<'_>, axe: &str) {
    let source = json!({ "expression": axe });
    session.devtools("Runtime.evaluate", source).await;
    // Control: a barrier is found.
    let script = "
        document.body.insertAdjacentHTML('beforeend', '<img id=control src=icon.svg>');";
    let _: Value = app.script(script, json!(null)).await;
    let found = violations(session).await;
    assert!(found.iter().any(|it| it.id == "image-alt"), "{found:?}");
    let _: Value = app
        .script("document.getElementById('control').remove();", json!(null))
        .await;
    let mut all = Vec::new();
    for view in VIEWS {
        app.open_panel(view).await;
        for theme in ["dark", "light"] {
            paint(app, theme).await;
            for it in violations(session).await {
                all.push(format!(
                    "{view}, {theme}: {} ({}): {}: {:?}",
                    it.id,
                    it.impact.unwrap_or_default(),
                    it.help,
                    it.nodes
                ));
            }
        }
    }
    assert!(all.is_empty(), "barriers:\n{}", all.join("\n"));
}

/// Runs axe-core on the page, if it is installed.
pub async fn has_no_barriers(session: &Session, what: &str) {
    let Some(path) = setup::optional_path("VITRINE_AXE") else {
        return;
    };
    let source = json!({ "expression": fs::read_to_string(path).unwrap() });
    session.devtools("Runtime.evaluate", source).await;
    let found = violations(session).await;
    assert!(found.is_empty(), "{what}: {found:#?}");
}

/// The violations that axe-core finds in the page.
async fn violations(session: &Session) -> Vec<Violation> {
    let script = "
        const done = arguments[arguments.length - 1];
        const options = {
            resultTypes: ['violations'],
            rules: { 'target-size': { enabled: true } },
        };
        axe.run(document, options).then(({ violations }) => done(
            violations.map(({ id, impact, help, nodes }) => ({
                id, impact, help, nodes: nodes.slice(0, 4).map(({ html }) => html.slice(0, 160)),
            }))));";
    let found = session.client.execute_async(script, vec![]).await.unwrap();
    serde_json::from_value(found).unwrap()
}

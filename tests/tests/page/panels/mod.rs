//! Every panel on the default model: its numbers are the command line's, it can be read and used by
//! everybody, and pictures of it are kept.

mod access;
mod looks;
mod numbers;
mod room;
mod wanted;

use tokio::task::spawn_blocking;

use crate::{
    app::{App, ids},
    session::in_browser,
};
use wanted::Wanted;

/// The prompt of most panel tests.
pub const PROMPT: &str = "The capital of Japan is";
/// And by how many tokens.
pub const NEW_TOKENS: usize = 3;

/// All panels, as the addresses name them.
const VIEWS: [&str; 15] = [
    "next",
    "sampling",
    "batch",
    "tokens",
    "attention",
    "lens",
    "residual",
    "rope",
    "cache",
    "interventions",
    "model",
    "quantisation",
    "race",
    "timings",
    "lessons",
];

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn each_panel_shows_what_the_command_line_says() {
    in_browser("panels", async |session| {
        let wanted = spawn_blocking(|| Wanted::of(PROMPT, NEW_TOKENS));
        let app = App::with_model(&session).await;
        app.generate(PROMPT, false, NEW_TOKENS).await;
        app.wait_until_generated().await;
        let wanted = wanted.await.unwrap();
        let sequence = [app.tokens("prompt").await, app.tokens("generated").await].concat();
        assert_eq!(ids(&sequence), wanted.ids);

        numbers::compare(&app, &wanted).await;
        let console = session.console().await.unwrap();
        let severe = |line: &&String| line.contains("SEVERE");
        assert_eq!(console.iter().find(severe), None);
    });
}

//! How matrices are cut for the adapter, as the page measures and shows it.

use crate::{app::App, session::in_browser};

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn the_page_tunes_matrix_products() {
    in_browser("tuning", async |session| {
        let app = App::with_model(&session).await;
        app.open_panel("timings").await;
        app.click("tune").await;
        app.settle().await;
        let rows = app.wait_for_data("tuning-row").await;
        let of = |name: &str, prompt: bool| {
            let mut found = rows.iter().filter(|row| {
                row.text("kind").starts_with(name) && (row.number("tokens") > 1.0) == prompt
            });
            found.next().map(|row| row.number("seconds"))
        };
        for name in ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"] {
            let (token, prompt) = (of(name, false).unwrap(), of(name, true).unwrap());
            assert!(0.0 < token && token < prompt, "{name}: {token} {prompt}");
        }
        // The head is for one token of a prompt.
        assert!(of("lm_head", false).is_some());
        assert_eq!(of("lm_head", true), None);
    });
}

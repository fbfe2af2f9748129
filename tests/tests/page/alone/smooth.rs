//! Smoothness of the page: long tasks while it generates, a strip of a thousand tokens, and the cost of the visible
//! attention grid. Here the GPU's part runs on the same cores, so most figures are only printed.

use std::{fs, path::Path};

use fantoccini::Locator;
use serde_json::{Value, json};

use crate::{
    app::App,
    panels::{NEW_TOKENS, PROMPT},
    session::{Session, in_browser},
};

/// Tokens on the strip.
const MANY: usize = 1000;
/// Enough for a rate.
const RATED: usize = 12;

const END: &str = "\u{E010}";
const HOME: &str = "\u{E011}";
const LEFT: &str = "\u{E012}";
const RIGHT: &str = "\u{E014}";

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn interaction_is_smooth() {
    in_browser("smooth", async |session| {
        let app = App::open(&session).await;
        watch(&app).await;
        thousand_tokens(&session, &app).await;
        app.click("recording-close").await;
        app.load().await;
        app.generate(PROMPT, false, NEW_TOKENS).await;
        app.wait_until_generated().await;
        generating(&app).await;
    });
}

/// Counts tasks of more than 50 ms from now on.
async fn watch(app: &App<'_>) {
    let script = "
        window.longTasks = [];
        new PerformanceObserver((list) => {
            longTasks.push(...list.getEntries().map(({ duration }) => duration));
        }).observe({ type: 'longtask' });";
    let _: Value = app.script(script, json!(null)).await;
}

/// Those since the last call, in milliseconds.
async fn long_tasks(app: &App<'_>) -> Vec<f64> {
    app.script("return longTasks.splice(0)", json!(null)).await
}

fn print(what: &str, tasks: &[f64]) {
    let longest = tasks.iter().copied().fold(0.0, f64::max);
    println!(
        "{what}: {} tasks over 50 ms, the longest {longest:.0} ms",
        tasks.len()
    );
}

/// A recording whose prompt is repeated until there are a thousand tokens.
fn long_recording(site: &Path) -> String {
    let text = fs::read_to_string(site.join("recordings/capital.jsonl")).unwrap();
    let mut lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let tokens = lines[0]["prompt"]["tokens"].as_array_mut().unwrap();
    let prompt = tokens.clone();
    *tokens = prompt.iter().cycle().take(MANY).cloned().collect();
    for (position, line) in (MANY..).zip(&mut lines[1..]) {
        if let Some(token) = line.get_mut("token") {
            token["position"] = json!(position);
        }
    }
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    lines.join("\n")
}

async fn thousand_tokens(session: &Session, app: &App<'_>) {
    let file = session.folder.join("long.jsonl");
    fs::write(&file, long_recording(&session.folder)).unwrap();
    app.text("recording-offer").await;
    long_tasks(app).await;
    let field = Locator::Css("[data-testid=recording-file]");
    let field = session.client.find(field).await.unwrap();
    field.send_keys(file.to_str().unwrap()).await.unwrap();
    app.wait_for_data("recording-badge").await;
    while app.count("token").await < MANY {}
    print("opening", &long_tasks(app).await);

    // As a wheel does it: some at each frame.
    let script = "
        const done = arguments[arguments.length - 1];
        const strip = document.querySelector('[data-testid=strip]');
        const times = [];
        const step = (now) => {
            times.push(now);
            strip.scrollTop += 40;
            if (strip.scrollTop + strip.clientHeight + 1 < strip.scrollHeight
                && times.length < 120) return requestAnimationFrame(step);
            done(times.slice(1).map((it, at) => it - times[at]));
        };
        strip.scrollTop = 0;
        requestAnimationFrame(step);";
    let frames = session.client.execute_async(script, vec![]).await.unwrap();
    let mut frames: Vec<f64> = serde_json::from_value(frames).unwrap();
    frames.sort_by(f64::total_cmp);
    println!(
        "scrolling {MANY} tokens: {} frames, half within {:.0} ms, the longest {:.0} ms",
        frames.len(),
        frames[frames.len() / 2],
        frames.last().unwrap()
    );
    let scrolled = long_tasks(app).await;
    print("scrolling", &scrolled);
    let longest = scrolled.iter().copied().fold(0.0, f64::max);
    assert!(longest < 500.0, "scrolling stops for {longest} ms");

    // Selecting, by key and by click.
    let chip = "document.querySelector('[data-testid=token][tabindex=\"0\"]').focus()";
    let _: Value = app.script(chip, json!(null)).await;
    for key in [HOME, RIGHT, RIGHT, RIGHT, END, LEFT, LEFT, LEFT] {
        let focused = session.client.active_element().await.unwrap();
        focused.send_keys(key).await.unwrap();
    }
    let selected = "
        const times = [];
        const chips = [...document.querySelectorAll('[data-testid=token]')];
        for (let at = 0; at < chips.length; at += 37) {
            const before = performance.now();
            chips[at].click();
            document.body.offsetHeight;
            times.push(performance.now() - before);
        }
        return times";
    let mut times: Vec<f64> = app.script(selected, json!(null)).await;
    times.sort_by(f64::total_cmp);
    println!(
        "selecting one of {MANY}: half within {:.1} ms, the longest {:.1} ms",
        times[times.len() / 2],
        times.last().unwrap()
    );
    print("selecting", &long_tasks(app).await);
    let shown = app.data("token").await;
    assert_eq!(
        shown
            .iter()
            .filter(|it| it.text("position") == "999")
            .count(),
        1
    );
    session.screenshot("thousand-tokens").await;
}

/// The same packets with a panel that draws none of them, and with the grid of all heads.
async fn generating(app: &App<'_>) {
    let mut rates = Vec::new();
    for view in ["tokens", "attention", "tokens", "attention"] {
        app.open_panel(view).await;
        long_tasks(app).await;
        app.generate(PROMPT, false, RATED).await;
        app.wait_until_generated().await;
        let tasks = long_tasks(app).await;
        print(&format!("{RATED} tokens while {view} is shown"), &tasks);
        app.settle().await;
        app.open_panel("next").await;
        rates.push((view, app.datum("speed").await.number("decode")));
    }
    println!("tokens per second: {rates:?}");
}

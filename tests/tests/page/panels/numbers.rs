//! The numbers of panels, compared with the command line.

use serde_json::Value;
use tokio::task::spawn_blocking;

use super::{
    PROMPT,
    wanted::{HEAD, LAYER, Wanted},
};
use crate::{app::App, native};

/// Relative to the number itself, or to `FLOOR` where it is less: two adapters sum in two orders.
const TOLERANCE: f64 = 2e-3;
const FLOOR: f64 = 0.05;
/// Relative, of perplexities with activations that are halves: which way a value is rounded depends on the order of
/// sums, and two adapters differ from f32 by 1.5e-3 each, in either direction.
const HALF_TOLERANCE: f64 = 5e-3;

/// New tokens on which formats are compared.
pub const COMPARED: usize = 2;

const ENTER: &str = "\u{E007}";

fn near(page: f64, native: f64) -> bool {
    (page - native).abs() <= TOLERANCE * native.abs().max(FLOOR)
}

fn agree(what: &str, page: f64, native: f64) {
    assert!(
        near(page, native),
        "{what}: {page} in the page, {native} natively"
    );
}

fn float(value: &Value) -> f64 {
    match value.as_f64() {
        Some(number) => number,
        None => panic!("{value} is no number"),
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|it| it * it).sum::<f64>().sqrt()
}

/// Opens every panel.
pub async fn compare(app: &App<'_>, wanted: &Wanted) {
    race(app, wanted).await;
    batch(app, wanted).await;
    tokens(app, wanted).await;
    next(app, wanted).await;
    sampling(app, wanted).await;
    app.fill("layer", &LAYER.to_string()).await;
    app.fill("head", &HEAD.to_string()).await;
    attention(app, wanted).await;
    lens(app, wanted).await;
    residual(app, wanted).await;
    rope(app, wanted).await;
    cache(app, wanted).await;
    interventions(app, wanted).await;
    sweep(app, wanted).await;
    model(app, wanted).await;
    timings(app, wanted).await;
    quantisation(app, wanted).await;
    lessons(app, wanted).await;
}

async fn tokens(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("tokens").await;
    let natively = wanted.tokenize["tokens"].as_array().unwrap();
    let rows = app.data("token-row").await;
    assert_eq!(
        app.datum("tokenized").await.number("tokens"),
        natively.len() as f64
    );
    // The same text rendered by the chat template follows.
    assert!(rows.len() > natively.len());
    for (row, token) in rows.iter().zip(natively) {
        assert_eq!(row.number("id"), float(&token["id"]));
    }
}

async fn next(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("next").await;
    let bars = app.bars_of(wanted.ids.len() as u32 - 1).await;
    let natively = wanted.next["top"].as_array().unwrap();
    for (bar, wanted) in bars.top.iter().zip(natively) {
        agree("logit", bar.logit, float(&wanted["logit"]));
        agree(
            "probability",
            bar.probability,
            float(&wanted["probability"]),
        );
    }
    let rest = float(&wanted.next["rest_probability"]);
    agree("the rest", bars.rest_probability, rest);
    // Control.
    assert!(!near(bars.top[0].logit, float(&natively[1]["logit"])));
}

async fn sampling(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("sampling").await;
    let table = app.datum("sampling-table").await;
    assert_eq!(table.number("position"), wanted.ids.len() as f64 - 1.0);
    let natively = wanted.next["top"].as_array().unwrap();
    let rows = app.data("sampling-row").await;
    assert!(rows.len() >= 10, "{rows:?}");
    let mut found = 0;
    for row in &rows {
        let same = |it: &&Value| float(&it["id"]) == row.number("id");
        if let Some(wanted) = natively.iter().find(same) {
            agree("logit", row.number("logit"), float(&wanted["logit"]));
            found += 1;
        }
    }
    assert!(found >= 10, "{found} of {rows:?}");
}

async fn attention(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("attention").await;
    let cell = app.datum("attention-cell").await;
    let query = cell.number("query") as usize;
    let key = cell.number("key") as usize;
    let natively = &wanted.attention["attention"];
    assert_eq!(query, wanted.ids.len() - 1);
    let shown = cell.number("probability");
    agree("attention", shown, float(&natively[query][key]));
    for arc in app.data("attention-arc").await {
        let other = arc.number("other") as usize;
        let share = match arc.text("direction") {
            "out" => &natively[query][other],
            _ => &natively[other][query],
        };
        agree("an arc", arc.number("probability"), float(share));
    }
    // Control: another head looks elsewhere.
    app.fill("head", &(HEAD + 1).to_string()).await;
    app.settle().await;
    let cell = app.datum("attention-cell").await;
    let (query, key) = (cell.number("query"), cell.number("key"));
    let same = float(&natively[query as usize][key as usize]);
    assert!(!near(cell.number("probability"), same));
    app.fill("head", &HEAD.to_string()).await;

    choose(app, "attention-metric", "token-first").await;
    choose(app, "attention-metric", "first").await;
    let ranked = app.data("attention-ranked").await;
    assert!(!ranked.is_empty());
    for entry in ranked {
        let (layer, head) = (entry.number("layer"), entry.number("head"));
        let heads = wanted.summary["heads"].as_array().unwrap();
        let same = |it: &&Value| float(&it["layer"]) == layer && float(&it["head"]) == head;
        let natively = heads.iter().find(same).unwrap();
        let share = float(&natively["first_token"]);
        agree("on the first token", entry.number("value"), share);
    }
}

/// Chooses from a menu.
async fn choose(app: &App<'_>, id: &str, value: &str) {
    let script = format!(
        "const menu = document.querySelector('[data-testid={id}]');
        menu.value = arguments[0];
        menu.dispatchEvent(new Event('change', {{ bubbles: true }}));"
    );
    let _: Value = app.script(&script, Value::from(value)).await;
    app.settle().await;
}

async fn lens(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("lens").await;
    let cell = app.datum("lens-cell").await;
    let (row, position) = (
        cell.number("layer") as usize,
        cell.number("position") as usize,
    );
    assert_eq!((row, position), (LAYER, wanted.ids.len() - 1));
    let natively = &wanted.lens["answers"][row][position];
    assert_eq!(
        cell.number("top"),
        float(&wanted.lens["lens"][row][position][0]["id"])
    );
    agree(
        "lens",
        cell.number("probability"),
        float(&natively["probability"]),
    );
    let (rank, wanted_rank) = (cell.number("rank"), float(&natively["rank"]));
    // Tokens far down are near one another.
    assert!(
        (rank - wanted_rank).abs() <= (0.01 * wanted_rank).max(1.0),
        "{rank} for {wanted_rank}"
    );
    // Control: the last row is the answer itself.
    let last = wanted.lens["answers"].as_array().unwrap().len() - 1;
    assert_eq!(wanted.lens["answers"][last][position]["rank"], 1);
    assert!(rank > 1.0);
}

async fn residual(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("residual").await;
    let cell = app.datum("residual-cell").await;
    let (layer, position) = (cell.number("row") as usize, cell.number("column") as usize);
    assert_eq!((layer, position), (LAYER, wanted.ids.len() - 1));
    let of = |layer: usize| {
        let width = wanted.inspect["modules"]["children"][0]["children"][0]["shape"][1].as_u64();
        norm(&wanted.row(
            &format!("hidden_states.{layer}"),
            position,
            width.unwrap() as usize,
        ))
    };
    agree("residual stream", cell.number("value"), of(layer));
    assert!(!near(cell.number("value"), of(layer + 1)));
}

async fn rope(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("rope").await;
    let position = app.datum("rope-circles-drawn").await.number("position");
    let rope = &wanted.inspect["ropes"][0];
    let (theta, dim) = (float(&rope["theta"]), float(&rope["dim"]));
    let circles = app.data("rope-circle").await;
    assert!(!circles.is_empty());
    for circle in &circles {
        let angle = position * theta.powf(-2.0 * circle.number("pair") / dim);
        agree("angle", circle.number("angle"), angle);
        let off = (circle.number("measured") - angle).rem_euclid(std::f64::consts::TAU);
        let off = off.min(std::f64::consts::TAU - off);
        assert!(off < 0.01, "{circle:?} turns by {angle}");
    }
    let heads = &wanted.inspect["attention"];
    let kv_head = HEAD / heads["group"].as_u64().unwrap() as usize;
    let (width, count) = (dim as usize, wanted.ids.len());
    let query = wanted.row(
        &format!("q.{LAYER}"),
        HEAD * count + position as usize,
        width,
    );
    let score = |key: usize| {
        let key = wanted.row(&format!("k.{LAYER}"), kv_head * count + key, width);
        let product: f64 = query.iter().zip(&key).map(|(a, b)| a * b).sum();
        product / dim.sqrt()
    };
    let scores = app.data("rope-score").await;
    assert!(!scores.is_empty());
    for it in &scores {
        let key = it.number("key") as usize;
        agree("score", it.number("after"), score(key));
    }
    let other = scores[1].number("key") as usize;
    assert!(!near(scores[0].number("after"), score(other)));
}

async fn cache(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("cache").await;
    let fill = app.datum("cache-fill").await;
    let per_token = float(&wanted.inspect["kv_cache"]["bytes_per_token"]);
    // The newest token has not been read.
    let held = wanted.ids.len() as f64 - 1.0;
    assert_eq!(fill.number("positions"), held);
    assert_eq!(fill.number("bytes"), held * per_token);
    let cell = app.datum("cache-cell").await;
    let (layer, position) = (cell.number("row") as usize, cell.number("column") as usize);
    let kv_head = HEAD / wanted.inspect["attention"]["group"].as_u64().unwrap() as usize;
    let width = wanted.inspect["kv_cache"]["head_dim"].as_u64().unwrap() as usize;
    let key = |kv_head: usize| {
        let row = kv_head * wanted.ids.len() + position;
        norm(&wanted.row(&format!("k.{layer}"), row, width))
    };
    agree("a key", cell.number("value"), key(kv_head));
    assert!(!near(cell.number("value"), key(kv_head + 1)));
}

async fn interventions(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("interventions").await;
    // The cursor is on the selected head.
    app.press("interventions-grid", ENTER).await;
    assert_eq!(app.datum("interventions-off").await.number("count"), 1.0);
    app.settle().await;
    let bars = app.datum("interventions-bars").await;
    agree("KL", bars.number("kl"), float(&wanted.ablate["kl"]));
    assert!(!near(bars.number("kl"), 0.0));
    let natively = wanted.ablate["moved"].as_array().unwrap();
    let mut found = 0;
    for moved in app.data("interventions-moved").await {
        let same = |it: &&Value| float(&it["piece"]["id"]) == moved.number("id");
        if let Some(wanted) = natively.iter().find(same) {
            agree("before", moved.number("before"), float(&wanted["before"]));
            agree("after", moved.number("after"), float(&wanted["after"]));
            found += 1;
        }
    }
    assert!(found > 0, "none of {natively:?}");
    app.click("interventions-reset").await;
}

/// The first heads of a sweep, and the first cells of a patch; both are stopped then.
async fn sweep(app: &App<'_>, wanted: &Wanted) {
    app.click("sweep-run").await;
    let effects = app.wait_for_data("sweep-ranked").await;
    app.click("answer-stop").await;
    app.settle().await;
    let first = &effects[0];
    let head = format!("{}.{}", first.number("layer"), first.number("head"));
    let ids: Vec<String> = wanted.ids.iter().map(u32::to_string).collect();
    let natively: Value =
        spawn_blocking(move || native::run(&["ablate", "--ids", &ids.join(","), "--head", &head]))
            .await
            .unwrap();
    agree("KL", first.number("kl"), float(&natively["kl"]));

    app.click("patch-run").await;
    app.wait_for_data("patch-cell").await;
    app.click("answer-stop").await;
    app.settle().await;
    assert_eq!(app.datum("patch-cell").await.text("whole"), "false");
}

async fn model(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("model").await;
    let report = app.datum("model-report").await;
    assert_eq!(
        report.number("parameters"),
        float(&wanted.inspect["parameters"])
    );
    assert_eq!(report.text("class"), wanted.inspect["class"]);
    let rows = app.data("format-row").await;
    let natively = wanted.inspect["formats"].as_array().unwrap();
    assert_eq!(rows.len(), natively.len());
    for (row, wanted) in rows.iter().zip(natively) {
        assert_eq!(row.text("format"), wanted["format"]);
        assert_eq!(row.number("bytes"), float(&wanted["bytes"]));
    }
}

async fn timings(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("timings").await;
    let times = app.data("token-time").await;
    assert_eq!(times.len(), wanted.ids.len() - wanted.prompt);
    assert!(
        times.iter().all(|it| it.number("seconds") > 0.0),
        "{times:?}"
    );
}

async fn race(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("race").await;
    app.fill("race-tokens", "2").await;
    app.press("race-tokens", ENTER).await;
    app.click("race").await;
    app.settle().await;
    let summary = app.datum("race-summary").await;
    assert_eq!(summary.text("same-tokens"), "true");
    let ratio = float(&wanted.race["flops_ratio"]);
    agree("operations", summary.number("flops-ratio"), ratio);
    assert!(ratio > 1.1);
}

async fn batch(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("batch").await;
    app.fill("max-new-tokens", "1").await;
    app.fill(
        "batch-prompts",
        &format!("{PROMPT}\nThe capital of France is"),
    )
    .await;
    app.click("batch-run").await;
    app.settle().await;
    assert_eq!(app.datum("batch-summary").await.number("tokens"), 2.0);
    let tokens = app.data("batch-token").await;
    assert_eq!(tokens[0].number("id"), f64::from(wanted.ids[wanted.prompt]));
    // Control.
    assert!(tokens[1].number("id") != tokens[0].number("id"));
}

/// The model in two formats.
async fn quantisation(app: &App<'_>, wanted: &Wanted) {
    app.open_panel("quantisation").await;
    app.fill("prompt", PROMPT).await;
    app.fill("compare-tokens", &COMPARED.to_string()).await;
    app.press("compare-tokens", ENTER).await;
    app.click("compare").await;
    app.settle().await;
    let rows = app.data("compare-row").await;
    let natively = wanted.compare["formats"].as_array().unwrap();
    assert_eq!(rows.len(), natively.len());
    for (row, wanted) in rows.iter().zip(natively) {
        assert_eq!(row.text("format"), wanted["format"]);
        assert_eq!(row.number("bytes"), float(&wanted["weight_bytes"]));
        let tolerance = match row.text("format") {
            "f32" => TOLERANCE,
            _ => HALF_TOLERANCE,
        };
        let (page, native) = (row.number("perplexity"), float(&wanted["perplexity"]));
        let difference = (page / native - 1.0).abs();
        assert!(
            difference <= tolerance,
            "perplexity {page}, natively {native}"
        );
        agree(
            "divergence",
            row.number("mean-kl"),
            float(&wanted["mean_kl"]),
        );
    }
    assert_eq!(rows[0].number("mean-kl"), 0.0);
    // Control.
    assert!(rows[1].number("mean-kl") > 0.0);
}

/// Each lesson's question, answered by the command line.
async fn lessons(app: &App<'_>, wanted: &Wanted) {
    let inspect = &wanted.inspect;
    let on_gpu = float(&wanted.compare["formats"][0]["weight_bytes"]);
    let layers = float(&inspect["kv_cache"]["layers"]);
    let heads = float(&inspect["attention"]["heads"]);
    let vocabulary = float(&inspect["modules"]["children"][0]["children"][0]["shape"][0]);
    // The lesson that draws tokens at random is left out.
    let answers = [
        (1, on_gpu / 1e6),
        (2, layers),
        (3, wanted.email as f64),
        (4, vocabulary),
        (5, 100.0 * float(&wanted.france["top"][0]["probability"])),
        (7, layers + 1.0),
        (8, layers * heads),
        (9, float(&inspect["attention"]["group"])),
        (10, 0.0),
        (11, float(&inspect["kv_cache"]["bytes_per_token"]) / 1024.0),
        (12, on_gpu * 8.0 / float(&inspect["parameters"])),
    ];
    for (lesson, answer) in answers {
        app.open_panel("lessons").await;
        let script = "document.querySelectorAll('[data-testid=lesson]')[arguments[0]].click()";
        let _: Value = app.script(script, Value::from(lesson - 1)).await;
        // The strip lies above what scrolls below it, where a pointer would meet it.
        let script = "document.querySelector('[data-testid=lesson-run]').click()";
        let _: Value = app.script(script, Value::Null).await;
        app.wait_until_generated().await;
        app.settle().await;
        app.fill("lesson-answer", &format!("{answer:.2}")).await;
        let verdict = app.datum("lesson-verdict").await;
        assert_eq!(verdict.text("right"), "true", "lesson {lesson}: {answer}");
        // Control.
        let wrong = format!("{:.2}", 1.03 * answer + 0.1);
        app.fill("lesson-answer", &wrong).await;
        let verdict = app.datum("lesson-verdict").await;
        assert_eq!(verdict.text("right"), "false", "lesson {lesson}: {wrong}");
    }
    // The size of the files differs from that on the GPU.
    let files = inspect["formats"].as_array().unwrap().iter();
    let files: f64 = files.map(|it| float(&it["bytes"])).sum();
    assert!((files - on_gpu).abs() > 0.01 * on_gpu);
}

//! Recordings: they are shown without WebGPU with the numbers of the file, and saved ones open again.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fantoccini::Locator;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    app::{App, SOON, ids},
    driver::FLAGS,
    session::{Session, in_browser_with},
};

/// One of the site's recordings.
const NAME: &str = "capital";

/// A number that went through JSON and back may differ in its last bit.
const LAST_BIT: f64 = 1e-12;

fn without_webgpu() -> Vec<&'static str> {
    let webgpu = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
    let flags = FLAGS.into_iter();
    flags.filter(|flag| !webgpu.contains(flag)).collect()
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_recording_shows_the_numbers_of_its_file() {
    in_browser_with("recording", &without_webgpu(), async |session| {
        let app = App::open(&session).await;
        app.wait_for_state_or_failure(&["failed"], SOON).await;
        let lines = lines(&recording(&session));
        // It opens automatically, because nothing else can be shown.
        let model = app.attribute("recording-badge", "data-model").await;
        assert_eq!(
            model.as_deref(),
            lines[0]["prompt"]["model"]["name"].as_str()
        );
        let machine = app.attribute("recording-badge", "data-machine").await;
        assert_eq!(machine.as_deref(), lines[0]["prompt"]["adapter"].as_str());

        let steps: Vec<&Value> = lines.iter().filter_map(|it| it.get("token")).collect();
        assert!(steps.len() >= 4);
        let wanted: Vec<_> = steps.iter().map(|it| it["piece"]["id"].clone()).collect();
        assert_eq!(json!(ids(&app.tokens("generated").await)), json!(wanted));
        for step in &steps {
            let position = step["position"].as_u64().unwrap() as u32;
            shows_step(&session, &app, position, step).await;
        }
        session.screenshot("recording").await;
        open_view(&session, "interventions").await;
        assert!(app.text("not-recorded").await.contains("recording"));
        app.click("recording-close").await;
        assert_eq!(app.tokens("generated").await, []);
    });
}

async fn shows_step(session: &Session, app: &App<'_>, position: u32, step: &Value) {
    let packet = &step["packet"];
    let last = |rows: &Value| rows.as_array().unwrap().len() - 1;
    open_view(session, "next").await;
    let bars = app.bars_of(position).await;
    let top = step["distribution"]["top"].as_array().unwrap();
    assert_eq!(bars.top.len(), top.len());
    for (bar, wanted) in bars.top.iter().zip(top) {
        assert_eq!(json!(bar.id), wanted["id"]);
        assert_same(&json!(bar.logit), &wanted["logit"]);
        assert_same(&json!(bar.probability), &wanted["probability"]);
    }

    open_view(session, "attention").await;
    let (layer, head) = (last(&packet["heads"]), last(&packet["heads"][0]));
    app.fill("layer", &layer.to_string()).await;
    app.fill("head", &head.to_string()).await;
    let entropy = app.attribute("attention-head-shown", "data-value").await;
    let entropy: Value = serde_json::from_str(&entropy.unwrap()).unwrap();
    let wanted = &packet["heads"][layer][head]["entropy"];
    assert_same(&entropy, &all_digits(wanted));

    open_view(session, "lens").await;
    for layer in [0, last(&packet["lens"])] {
        let first = format!("[data-testid=recorded-lens-row][data-layer='{layer}'] td");
        let script = "const it = document.querySelector(arguments[0]).dataset;
            return [Number(it.id), Number(it.probability)];";
        let shown = session.client.execute(script, vec![json!(first)]);
        let shown = shown.await.unwrap();
        let wanted = &packet["lens"][layer]["top"][0];
        assert_same(&shown[0], &wanted["id"]);
        assert_same(&shown[1], &wanted["probability"]);
    }
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn what_is_saved_opens_again() {
    in_browser_with("saved", &without_webgpu(), async |session| {
        let folder = downloads(&session, "saved").await;
        let app = App::open(&session).await;
        app.wait_for_state_or_failure(&["failed"], SOON).await;
        app.attribute("recording-badge", "data-model").await;
        let original = recording(&session);
        app.click("save-trace").await;
        let saved = folder.join("vitrine-trace.jsonl");
        wait_for_file(&saved).await;
        assert_same(&json!(lines(&saved)), &json!(lines(&original)));

        app.click("recording-close").await;
        pick(&session, &app, &saved).await;
        assert!(!app.tokens("generated").await.is_empty());
        app.click("save-json").await;
        let whole = folder.join("vitrine-generation.json");
        wait_for_file(&whole).await;
        let whole: Value = serde_json::from_slice(&fs::read(&whole).unwrap()).unwrap();
        let last = lines(&original).pop().unwrap();
        assert_same(&whole["summary"], &last["summary"]);
        assert_same(&whole["steps"][0], &lines(&original)[1]["token"]);
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_damaged_recording_is_refused() {
    in_browser_with("damaged-recording", &without_webgpu(), async |session| {
        let folder = downloads(&session, "damaged-recording").await;
        let app = App::open(&session).await;
        app.wait_for_state_or_failure(&["failed"], SOON).await;
        app.click("recording-close").await;
        let whole = fs::read_to_string(recording(&session)).unwrap();
        let lines: Vec<&str> = whole.lines().collect();
        let cut = |count: usize| lines[..count].join("\n");
        let cases = [
            ("a letter, and no trace".to_owned(), "not a recording"),
            (cut(3), "last line is missing"),
            (format!("{}\n{}", cut(2), &lines[2][..90]), "line 3"),
            (
                whole.replacen("\"position\":6", "\"position\":7", 1),
                "line 3",
            ),
        ];
        for (index, (content, wanted)) in cases.iter().enumerate() {
            let path = folder.join(format!("damaged-{index}.jsonl"));
            fs::write(&path, content).unwrap();
            pick(&session, &app, &path).await;
            let said = app.text("recording-error").await;
            assert!(said.contains(wanted), "{said}");
            assert_eq!(app.count("recording-badge").await, 0);
            app.click("recording-dismiss").await;
        }
        // The page continues to work.
        pick(&session, &app, &recording(&session)).await;
        assert!(!app.tokens("generated").await.is_empty());
    });
}

async fn pick(session: &Session, app: &App<'_>, path: &Path) {
    let field = Locator::Css("[data-testid=recording-file]");
    let field = session.client.find(field).await.unwrap();
    field.send_keys(path.to_str().unwrap()).await.unwrap();
    let deadline = Instant::now() + SOON;
    while app.count("recording-badge").await + app.count("recording-error").await == 0 {
        assert!(Instant::now() < deadline, "nothing came of {path:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn open_view(session: &Session, view: &str) {
    let script = "document.querySelector(`[data-testid=view][data-view=${arguments[0]}]`).click();";
    session
        .client
        .execute(script, vec![json!(view)])
        .await
        .unwrap();
}

fn recording(session: &Session) -> PathBuf {
    session.folder.join(format!("recordings/{NAME}.jsonl"))
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// A folder for saved files.
async fn downloads(session: &Session, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("downloads-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let parameters = json!({ "behavior": "allow", "downloadPath": folder });
    session
        .devtools("Browser.setDownloadBehavior", parameters)
        .await;
    folder
}

async fn wait_for_file(path: &Path) {
    let deadline = Instant::now() + SOON;
    while !path.is_file() {
        assert!(Instant::now() < deadline, "{path:?} was not saved");
        sleep(Duration::from_millis(100)).await;
    }
}

/// A number of 32 bits, of which a packet has as many digits as it takes to tell it from others, as the
/// page has it: with all of them.
fn all_digits(number: &Value) -> Value {
    json!(f64::from(number.as_f64().unwrap() as f32))
}

/// The same, except for the last bit of numbers.
fn assert_same(found: &Value, wanted: &Value) {
    match (found, wanted) {
        (Value::Number(found), Value::Number(wanted)) => {
            let (found, wanted) = (found.as_f64().unwrap(), wanted.as_f64().unwrap());
            let most = LAST_BIT * wanted.abs().max(f64::MIN_POSITIVE);
            assert!((found - wanted).abs() <= most, "{found} is not {wanted}");
        }
        (Value::Array(found), Value::Array(wanted)) => {
            assert_eq!(found.len(), wanted.len());
            found
                .iter()
                .zip(wanted)
                .for_each(|it| assert_same(it.0, it.1));
        }
        (Value::Object(found), Value::Object(wanted)) => {
            assert!(found.keys().eq(wanted.keys()), "{found:?}, {wanted:?}");
            found
                .values()
                .zip(wanted.values())
                .for_each(|it| assert_same(it.0, it.1));
        }
        (found, wanted) => assert_eq!(found, wanted),
    }
}

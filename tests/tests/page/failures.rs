//! What goes wrong is said in one clear sentence.

use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    app::{App, LATE, SOON},
    driver::FLAGS,
    session::{in_browser, in_browser_with},
    site::model_parts,
};

/// Lets the page load its model, waits for the failure, and checks the message.
async fn expect_no_model(app: &App<'_>, kind: &str) {
    if app.wait_for_state(&["no_model", "loading"], SOON).await == "no_model" {
        app.click("load").await;
    }
    expect_failure(app, kind).await;
}

/// Waits until the page has failed, and checks the message.
async fn expect_failure(app: &App<'_>, kind: &str) {
    app.wait_for_state_or_failure(&["failed"], LATE).await;
    let said = app.text("error").await;
    assert_eq!(
        app.attribute("error", "data-kind").await.as_deref(),
        Some(kind),
        "{said}"
    );
    assert!(said.len() > 20, "the page says only {said:?}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn without_an_adapter() {
    let webgpu = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
    let flags: Vec<_> = FLAGS
        .into_iter()
        .filter(|flag| !webgpu.contains(flag))
        .collect();
    in_browser_with("no-adapter", &flags, async |session| {
        let app = App::open(&session).await;
        expect_failure(&app, "no_adapter").await;
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn without_webgpu() {
    // Browsers withhold WebGPU from addresses that they do not trust.
    let rule = "--host-resolver-rules=MAP vitrine.test 127.0.0.1";
    in_browser_with(
        "no-webgpu",
        &[&FLAGS[..], &[rule]].concat(),
        async |mut session| {
            session.url = session.url.replace("127.0.0.1", "vitrine.test");
            let app = App::open(&session).await;
            expect_failure(&app, "no_web_gpu").await;
        },
    );
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_model_that_is_not_there() {
    in_browser("no-model", async |session| {
        model_parts(&session.folder)
            .iter()
            .for_each(|part| fs::remove_file(part).unwrap());
        let app = App::open(&session).await;
        expect_no_model(&app, "network").await;
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_download_that_is_damaged() {
    in_browser("damaged", async |session| {
        let part = model_parts(&session.folder).pop().unwrap();
        let mut bytes = fs::read(&part).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        // A new file: the old one may be linked to the built site.
        fs::remove_file(&part).unwrap();
        fs::write(&part, bytes).unwrap();
        let app = App::open(&session).await;
        expect_no_model(&app, "network").await;
        assert!(app.text("error").await.contains("damaged"));
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_file_that_is_no_model() {
    in_browser("wrong", async |session| {
        let parts = model_parts(&session.folder);
        let content = "This is a letter and not a model. ".repeat(1000);
        let sha256 = Sha256::digest(&content)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>();
        let manifest_path = parts[0].with_file_name("manifest.json");
        let mut manifest: Value =
            serde_json::from_slice(&fs::read(&manifest_path).unwrap()).unwrap();
        manifest["bytes"] = json!(content.len());
        manifest["sha256"] = json!(sha256);
        manifest["parts"] = json!([{ "path": "part-000", "bytes": content.len() }]);
        for (path, content) in [(&parts[0], content), (&manifest_path, manifest.to_string())] {
            fs::remove_file(path).unwrap();
            fs::write(path, content).unwrap();
        }
        let app = App::open(&session).await;
        expect_no_model(&app, "model").await;
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_part_that_is_not_there() {
    in_browser("no-part", async |session| {
        let path = session.folder.join("pkg/split_panels.wasm");
        let part = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], SOON).await;
        app.open_panel("model").await;
        let said = app.text("panel-missing").await;
        assert!(said.contains("could not be fetched"), "{said}");

        // A part of another build is refused too.
        let mut other = part.clone();
        let last = other.len() - 1;
        other[last] ^= 1;
        fs::write(&path, other).unwrap();
        app.click("panel-retry").await;
        app.settle().await;
        assert_eq!(app.count("panel-missing").await, 1);
        session.screenshot("no-part").await;

        fs::write(&path, part).unwrap();
        app.click("panel-retry").await;
        app.text("model-panel").await;
        assert_eq!(app.count("panel-missing").await, 0);
    });
}

/// A module that traps at once, as a panic does in the page.
const TRAP: &str = "new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, \
                    1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 8, 1, 0, 10, 5, 1, 3, 0, 0, 11])))";

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_trap_in_the_worker() {
    in_browser("trap-worker", async |session| {
        let path = session.folder.join("worker-boot.js");
        let script = fs::read_to_string(&path).unwrap();
        let trap = format!(
            "self.addEventListener('message', async ({{ data }}) => {{\n\
             if (String(data).includes('\"load_model\"')) {TRAP};\n}});\n"
        );
        // A new file: the old one may be linked to the built site.
        fs::remove_file(&path).unwrap();
        fs::write(&path, format!("{script}\n{trap}")).unwrap();
        let app = App::open(&session).await;
        assert_eq!(app.wait_for_state(&["no_model"], SOON).await, "no_model");
        app.fill("prompt", "A prompt that stays").await;
        expect_no_model(&app, "internal").await;
        let said = app.text("error").await;
        assert!(said.contains("unreachable"), "{said}");

        // The way out: a worker without the defect, and the prompt is still there.
        fs::write(&path, script).unwrap();
        app.click("retry").await;
        app.wait_for_state(&["no_model", "loading"], SOON).await;
        let prompt = app.script::<String>(
            "return document.querySelector('[data-testid=prompt]').value",
            json!(null),
        );
        assert_eq!(prompt.await, "A prompt that stays");
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_trap_in_the_page() {
    in_browser("trap-page", async |session| {
        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], SOON).await;
        // An ordinary error stops nothing.
        let error = "setTimeout(() => { throw new Error('a script'); }); return null";
        app.script::<Value>(error, json!(null)).await;
        app.settle().await;
        assert_eq!(app.count("page-stopped").await, 0);
        let trap = format!("setTimeout(() => {TRAP}); return null");
        app.script::<Value>(&trap, json!(null)).await;
        let said = app.text("page-stopped").await;
        assert!(said.contains("The page stopped"), "{said}");
        assert!(said.contains("unreachable"), "{said}");
        session.screenshot("trap-page").await;
        app.click("page-reload").await;
        app.wait_for_state(&["no_model"], SOON).await;
        assert_eq!(app.count("page-stopped").await, 0);
    });
}

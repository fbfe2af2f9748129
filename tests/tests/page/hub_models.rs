//! Models of the hub: fetched, cancelled, resumed, refused.

use std::{fs, path::Path, time::Duration};

use serde_json::json;
use tokio::time::sleep;

use crate::{
    app::{App, LATE, SOON},
    arrivals,
    hub::{Hub, TOKEN},
    reference::Reference,
    session::in_browser,
};

/// A weights file of several pieces, of which the last is not whole.
const LARGE: usize = 45_000_000;

/// A small model of random weights in one file.
const GGUF: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/fixtures/gguf/llama-linear/model.gguf"
);

/// From here on a worker that asks for a second device gets none.
fn allow_one_device(site: &Path) {
    let path = site.join("worker-boot.js");
    let script = fs::read_to_string(&path).unwrap();
    let counts = "
        let devices = 0;
        const { requestDevice } = GPUAdapter.prototype;
        GPUAdapter.prototype.requestDevice = function (...given) {
            devices += 1;
            if (devices > 1) return Promise.reject(new Error('one is enough'));
            return requestDevice.apply(this, given);
        };";
    // A new file: the old one may be linked to the built site.
    fs::remove_file(&path).unwrap();
    fs::write(&path, format!("{counts}\n{script}")).unwrap();
}

async fn fetch(app: &App<'_>, id: &str, token: &str) {
    if app.count("hub-id").await == 0 {
        app.click("change-model").await;
    }
    app.fill("hub-token", token).await;
    app.fill("hub-id", id).await;
    app.click("hub-load").await;
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_model_of_the_hub_is_fetched_once_and_kept() {
    in_browser("hub", async |session| {
        let hub = Hub::start().await;
        hub.point_at_it(&session.folder);
        let llama = Reference::new("architectures/llama");
        hub.add("tests/llama", false, &llama.files());
        hub.slow_down(Duration::from_millis(100));
        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], LATE).await;

        fetch(&app, "not an id", "").await;
        assert!(app.text("hub-id-hint").await.contains("owner/name"));
        arrivals::watch(&app).await;
        fetch(&app, "tests/llama", "").await;
        // Its weights lie in several files.
        while app.exact_text("shards").await != "Loading checkpoint shards: 1/3" {
            assert_eq!(app.state().await, "loading");
            sleep(Duration::from_millis(20)).await;
        }
        app.wait_until_loaded().await;
        fills_shard_by_shard(&app).await;
        llama.check(&app).await;
        let stored = app.wait_for_stored(|stored| stored.len() == 1).await;
        assert!(stored[0].complete);
        assert_eq!(hub.served(), stored[0].bytes);
        let name = app.text("model-name").await;

        // Without the hub, it can only come from storage.
        hub.stop();
        let app = App::open(&session).await;
        app.wait_for_state(&["ready"], LATE).await;
        assert_eq!(app.text("model-name").await, name);
        fetch(&app, "tests/another", "").await;
        let said = app.wait_for_error("network").await;
        assert!(said.contains("check the connection"), "{said}");
        assert_eq!(
            app.state().await,
            "ready",
            "the loaded model is still there"
        );
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_download_is_cancelled_and_resumed_also_after_a_reload() {
    in_browser("resume", async |session| {
        let hub = Hub::start().await;
        hub.point_at_it(&session.folder);
        let mut model = fs::read(GGUF).unwrap();
        // Bytes after the tensors are never read, but are downloaded too.
        model.resize(LARGE, 7);
        hub.add_file("tests/large", "large.gguf", model);
        hub.add_file("tests/sevens", "sevens.gguf", vec![7; LARGE]);
        hub.slow_down(Duration::from_millis(20));
        allow_one_device(&session.folder);
        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], LATE).await;

        // A file that is not a model is refused by its first bytes, without the rest.
        fetch(&app, "tests/sevens", "").await;
        let said = app.wait_for_error("model").await;
        assert!(said.contains("GGUF"), "{said}");
        assert!(hub.served() < LARGE as u64, "all of it came");
        // It would be refused again, so no resumption is offered.
        assert_eq!(app.stored().await, []);

        fetch(&app, "tests/large", "").await;
        let arrived = async || app.attribute("progress", "value").await;
        let enough = |arrived: Option<String>| {
            arrived.is_some_and(|bytes| bytes.parse::<usize>().unwrap() > LARGE / 4 * 3)
        };
        while !enough(arrived().await) {
            sleep(Duration::from_millis(20)).await;
        }
        app.click("cancel").await;
        app.wait_for_state(&["no_model"], SOON).await;
        let stored = app.wait_for_stored(|stored| stored.len() == 1).await;
        let begun = &stored[0];
        assert!(!begun.complete, "{begun:?}");
        assert!(begun.done > 0 && begun.done < begun.bytes, "{begun:?}");
        // Requests in flight are aborted on cancellation.
        sleep(Duration::from_millis(500)).await;
        hub.served();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(hub.served(), 0, "bytes come after Cancel");

        hub.slow_down(Duration::ZERO);
        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], LATE).await;
        app.click("stored-load").await;
        app.wait_for_state(&["ready"], LATE).await;
        assert_eq!(hub.served(), LARGE as u64 - begun.done);
        let stored = app.wait_for_stored(|stored| stored[0].complete).await;
        assert_eq!(stored[0].done, LARGE as u64);
        app.click("delete-all").await;
        app.wait_for_stored(<[_]>::is_empty).await;
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn what_the_hub_refuses_is_said_in_one_sentence() {
    in_browser("hub-refusals", async |mut session| {
        let hub = Hub::start().await;
        hub.point_at_it(&session.folder);
        let llama = Reference::new("random-llama");
        hub.add("tests/gated", true, &llama.files());
        hub.add_file("tests/none", "README.md", vec![7; 100]);
        hub.add_file("tests/large", "large.gguf", vec![7; LARGE]);
        session.url = session.url.trim_end_matches('/').to_owned();
        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], LATE).await;

        for (id, token, kind, part) in [
            ("tests/gated", "", "network", "is gated"),
            (
                "tests/gated",
                "hf_wrong",
                "network",
                "does not know this access token",
            ),
            ("tests/missing", "", "network", "has no model tests/missing"),
            (
                "tests/missing",
                TOKEN,
                "network",
                "has no model tests/missing",
            ),
            ("tests/gated@v9", "", "network", "no revision v9"),
            ("tests/gated/x.gguf", "", "network", "no file x.gguf"),
            ("tests/none", "", "model", "no model here"),
        ] {
            fetch(&app, id, token).await;
            let said = app.wait_for_error(kind).await;
            assert!(said.contains(part), "{id} with {token:?}: {said}");
        }

        // The page itself, which is kept for visits without a network, takes some of it.
        let small = json!({ "origin": session.url, "quotaSize": 26_000_000 });
        session
            .devtools("Storage.overrideQuotaForOrigin", small)
            .await;
        hub.served();
        fetch(&app, "tests/large", "").await;
        let said = app.wait_for_error("storage").await;
        assert!(said.contains("needs 45 MB"), "{said}");
        let free = said
            .split("only ")
            .nth(1)
            .and_then(|it| it.split(' ').next());
        let free: u64 = free.unwrap().parse().unwrap();
        assert!((10..=20).contains(&free), "{said}");
        assert_eq!(hub.served(), 0, "it was asked for in vain");
        let default = json!({ "origin": session.url });
        session
            .devtools("Storage.overrideQuotaForOrigin", default)
            .await;

        fetch(&app, "tests/gated", TOKEN).await;
        app.wait_for_state(&["ready"], LATE).await;
        llama.check(&app).await;
        // The token is in no storage.
        let script = "return JSON.stringify([{ ...localStorage }, { ...sessionStorage }])";
        let kept = session.client.execute(script, Vec::new()).await.unwrap();
        assert!(!kept.to_string().contains(TOKEN), "{kept}");
    });
}

/// The diagram knows the tensors of a shard when its beginning has come, and is full at the end.
async fn fills_shard_by_shard(app: &App<'_>) {
    let moments = arrivals::moments(app).await;
    let mut known: Vec<u64> = moments.iter().map(|it| it.tensors).collect();
    known.dedup();
    assert_eq!(known.len(), 3, "{known:?}");
    let last = moments.last().unwrap();
    assert!(last.gpu && last.whole == last.tensors, "{last:?}");
}

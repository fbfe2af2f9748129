//! The page without its server: after a first visit it opens and generates offline; and a new build takes over.

use std::{fs, time::Instant};

use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use crate::{
    app::{App, SOON, ids},
    session::{Session, in_browser},
};

const PROMPT: &str = "The capital of Japan is";

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn the_second_visit_needs_no_server() {
    in_browser("offline", async |mut session| {
        move_below(&mut session, "below/here");
        let app = App::with_model(&session).await;
        app.generate(PROMPT, false, 3).await;
        app.wait_until_generated().await;
        let online = ids(&app.tokens("generated").await);
        assert_eq!(online.len(), 3);
        wait_for(&app, "ready").await;

        session.server.abort();
        // A connection may still be open; there is nothing behind it any more.
        fs::remove_dir_all(&session.folder).unwrap();
        let answer = "return fetch('index.json').then((it) => it.status, () => 0)";
        let gone = session.client.execute(answer, vec![]).await.unwrap();
        assert_ne!(gone, json!(200), "the server still answers");

        let app = App::with_model(&session).await;
        let from_storage = app.attribute("from-storage", "data-value").await;
        assert_eq!(from_storage.as_deref(), Some("true"));
        app.generate(PROMPT, false, 3).await;
        app.wait_until_generated().await;
        assert_eq!(ids(&app.tokens("generated").await), online);
        session.screenshot("offline").await;
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_new_build_takes_over() {
    in_browser("update", async |session| {
        let app = App::open(&session).await;
        wait_for(&app, "ready").await;
        let old = caches(&session).await;
        assert_eq!(old.len(), 1);

        let marker = "/* a new build */";
        let path = session.folder.join("page.css");
        let style = fs::read_to_string(&path).unwrap() + marker;
        replace(&path, &style);
        let path = session.folder.join("service-worker.js");
        let script = fs::read_to_string(&path).unwrap();
        let script = with_new_style(&session, &script, &style).await;
        replace(&path, &script);

        // This visit still has the old build, and offers the new one.
        let app = App::open(&session).await;
        wait_for(&app, "update").await;
        assert!(!kept_style(&session).await.contains(marker));
        app.click("reload").await;
        let deadline = Instant::now() + SOON;
        while !kept_style(&session).await.contains(marker) {
            assert!(Instant::now() < deadline, "the old build stays");
            sleep(Duration::from_millis(200)).await;
        }
        wait_for(&app, "ready").await;
        // The new build answers while it deletes the files of the old one.
        let mut new = caches(&session).await;
        let deadline = Instant::now() + SOON;
        while new.len() > 1 && Instant::now() < deadline {
            sleep(Duration::from_millis(200)).await;
            new = caches(&session).await;
        }
        assert_eq!(new.len(), 1, "the old build is still kept: {new:?}");
        assert_ne!(new, old);
    });
}

/// Puts the site below a path.
fn move_below(session: &mut Session, path: &str) {
    let folder = session.folder.join(path);
    let entries: Vec<_> = fs::read_dir(&session.folder).unwrap().flatten().collect();
    fs::create_dir_all(&folder).unwrap();
    for entry in entries {
        fs::rename(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    session.url = format!("{}/{path}/", session.url);
    session.folder = folder;
}

/// Waits until the page says so of itself.
async fn wait_for(app: &App<'_>, wanted: &str) {
    let deadline = Instant::now() + SOON;
    loop {
        let state = app.attribute("offline", "data-state").await;
        if state.as_deref() == Some(wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "{state:?}, not {wanted}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn caches(session: &Session) -> Vec<String> {
    let names = session.client.execute("return caches.keys()", vec![]);
    serde_json::from_value(names.await.unwrap()).unwrap()
}

/// The style sheet as the page gets it.
async fn kept_style(session: &Session) -> String {
    let script = "return fetch('page.css').then((it) => it.text())";
    // While the page reloads there is nothing to ask.
    let text = session.client.execute(script, vec![]).await;
    text.unwrap_or(Value::Null)
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The service worker that `xtask` would write for another style sheet.
async fn with_new_style(session: &Session, script: &str, style: &str) -> String {
    let digest = "
        const bytes = new TextEncoder().encode(arguments[0]);
        return crypto.subtle.digest('SHA-256', bytes)
            .then((it) => btoa(String.fromCharCode(...new Uint8Array(it))));";
    let digest = session.client.execute(digest, vec![json!(style)]);
    let digest = digest.await.unwrap();
    let digest = digest.as_str().unwrap();
    let (before, after) = script.split_once("[\"page.css\",\"sha256-").unwrap();
    let (_, after) = after.split_once('"').unwrap();
    let script = format!("{before}[\"page.css\",\"sha256-{digest}\"{after}");
    script.replacen("const BUILD = \"", "const BUILD = \"new-", 1)
}

/// A new file: the old one may be linked to the built site.
fn replace(path: &std::path::Path, content: &str) {
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

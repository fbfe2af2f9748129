//! One test in one fresh browser.

use std::{
    fs,
    panic::resume_unwind,
    path::{Path, PathBuf},
    time::Duration,
};

use fantoccini::{Client, error::CmdError, wd::WebDriverCompatibleCommand};
use serde_json::{Value, json};
use tokio::{task::AbortHandle, time::timeout};

use crate::{
    driver::{Driver, FLAGS},
    setup,
    site::Site,
};

/// A browser and the site it can go to.
#[derive(Clone)]
pub struct Session {
    /// The browser.
    pub client: Client,
    /// The site's address.
    pub url: String,
    /// The site's folder; a test may change what is in it.
    pub folder: PathBuf,
    /// Ends the site's server.
    pub server: AbortHandle,
}

impl Session {
    /// Saves a screenshot of the page.
    pub async fn screenshot(&self, name: &str) {
        let folder = setup::path("VITRINE_SCREENSHOTS");
        fs::create_dir_all(&folder).unwrap();
        let picture = self.client.screenshot().await.unwrap();
        fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }

    /// Asks the browser itself for something, in the words of the Chrome DevTools Protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let command = DevTools {
            command: command.to_owned(),
            parameters,
        };
        self.client.issue_cmd(command).await.unwrap()
    }

    /// What the browser wrote to its console since the last call, one line an entry.
    pub async fn console(&self) -> Result<Vec<String>, CmdError> {
        let entries = self.client.issue_cmd(ConsoleLog).await?;
        let line = |entry: &Value| format!("{}: {}", entry["level"], entry["message"]);
        Ok(entries.as_array().into_iter().flatten().map(line).collect())
    }
}

/// Runs `body` in a fresh browser and ends the browser, also when `body` panics.
pub fn in_browser<B, F>(name: &str, body: B)
where
    B: FnOnce(Session) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    in_browser_with(name, &FLAGS, body);
}

/// As `in_browser`, in a browser with these flags.
pub fn in_browser_with<B, F>(name: &str, flags: &[&str], body: B)
where
    B: FnOnce(Session) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("profile-{name}"));
    let _ = fs::remove_dir_all(&profile);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let result = runtime.block_on(async {
        let site = Site::start(name).await;
        let driver = Driver::start();
        let client = driver.browser(&profile, flags).await;
        let session = Session {
            client,
            url: site.url.clone(),
            folder: site.folder.clone(),
            server: site.server.clone(),
        };
        // A separate task, so that a panic is returned as a value.
        let result = tokio::spawn(body(session.clone())).await;
        let patience = Duration::from_secs(20);
        if result.is_err() {
            let _ = timeout(patience, session.screenshot(&format!("failed-{name}"))).await;
            if let Ok(Ok(lines)) = timeout(patience, session.console()).await {
                lines.iter().for_each(|line| println!("console: {line}"));
            }
        }
        let _ = timeout(patience, session.client.close()).await;
        result
    });
    let _ = fs::remove_dir_all(&profile);
    if let Err(error) = result {
        resume_unwind(error.into_panic());
    }
}

/// chromedriver's own way to the Chrome DevTools Protocol.
#[derive(Debug)]
struct DevTools {
    command: String,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (http::Method::POST, Some(body.to_string()))
    }
}

/// chromedriver's own command for the console.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(r#"{"type":"browser"}"#.to_owned()))
    }
}

//! chromedriver, and the browsers it starts.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

use crate::setup;

/// WebGPU without a GPU, and a browser without prompts and background requests.
pub const FLAGS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--enable-unsafe-webgpu",
    "--enable-features=Vulkan",
    "--use-webgpu-adapter=swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
];

/// A running chromedriver; it ends with this.
pub struct Driver {
    process: Child,
    address: String,
}

impl Driver {
    /// Starts chromedriver on a free port.
    pub fn start() -> Self {
        // It takes a port that is free with IPv6, and gives up where that one is taken with IPv4.
        let mut said = String::new();
        for _ in 0..20 {
            match Self::try_start() {
                Ok(driver) => return driver,
                Err(output) => said = output,
            }
        }
        panic!("chromedriver found no port: {said}");
    }

    /// One attempt; on failure its output.
    fn try_start() -> Result<Self, String> {
        let program = setup::optional_path("VITRINE_CHROMEDRIVER");
        let mut process = Command::new(program.as_deref().unwrap_or(Path::new("chromedriver")))
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut lines = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let mut said = Vec::new();
        let port = lines.by_ref().find_map(|line| {
            let port = port_in(&line);
            said.push(line);
            port
        });
        let Some(port) = port else {
            let _ = process.wait();
            return Err(said.join("\n"));
        };
        // It must not block on a full pipe later.
        thread::spawn(move || lines.for_each(drop));
        Ok(Self {
            process,
            address: format!("http://127.0.0.1:{port}"),
        })
    }

    /// A new browser with an empty profile.
    pub async fn browser(&self, profile: &Path, flags: &[&str]) -> Client {
        let profile = format!("--user-data-dir={}", profile.display());
        let flags = [flags, &[profile.as_str()]].concat();
        let mut options = json!({ "args": flags });
        if let Some(chrome) = setup::optional_path("VITRINE_CHROME") {
            options["binary"] = json!(chrome);
        }
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": 900_000, "pageLoad": 120_000 },
        });
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&self.address)
            .await
            .expect("Chromium starts")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The port in "ChromeDriver was started successfully on port 40111."
fn port_in(line: &str) -> Option<u16> {
    let (_, port) = line.split_once("started successfully on port ")?;
    port.trim_end_matches('.').parse().ok()
}

//! How fast the page is by its own measurement, and beside the native program on the same adapter. Prints ratios;
//! what fails is a number that cannot be.

use std::{env, path::PathBuf, process::Command};

use serde_json::{Value, json};
use vitrine_protocol::BenchReport;

use crate::{app::App, session::in_browser, setup};

/// What the page measures.
const MEASURED: [&str; 6] = [
    "--prefill",
    "32,128",
    "--at",
    "32,256",
    "--new-tokens",
    "16",
];

/// Until the table is there.
const UNTIL_MEASURED: &str = "
    const done = arguments[0];
    const seen = new MutationObserver(() => {
        if (document.querySelector('[data-testid=bench-row]')) {
            seen.disconnect();
            done();
        }
    });
    seen.observe(document.body, { subtree: true, childList: true });";

/// SwiftShader as a driver of Vulkan, which comes with the browser.
fn swiftshader() -> Option<PathBuf> {
    let chrome = setup::path("VITRINE_CHROME").canonicalize().ok()?;
    let beside = chrome.parent().map(PathBuf::from);
    // Where the first is a script that starts the browser.
    let usual = ["/usr/lib/chromium", "/opt/google/chrome"].map(PathBuf::from);
    let mut folders = beside.into_iter().chain(usual);
    folders.find_map(|folder| {
        let driver = folder.join("vk_swiftshader_icd.json");
        driver.exists().then_some(driver)
    })
}

/// The same natively.
fn natively(driver: PathBuf) -> BenchReport {
    let output = Command::new(setup::path("VITRINE_BIN"))
        .args(["bench", "--json", "--tuning", "off", "--model"])
        .arg(setup::path("VITRINE_MODEL"))
        .args(MEASURED)
        .env("VK_ICD_FILENAMES", driver)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn the_page_measures_its_gpu() {
    in_browser("speed", async |session| {
        let app = App::with_model(&session).await;
        app.open_panel("timings").await;
        app.click("bench").await;
        // Who asks a busy browser again and again takes of what is measured.
        let wait = session.client.execute_async(UNTIL_MEASURED, vec![]);
        wait.await.unwrap();
        let rows = app.wait_for_data("bench-row").await;
        assert_eq!(rows.len(), 4, "{rows:?}");
        let scroll = "document.querySelector('[data-testid=bench]').scrollIntoView()";
        let _: Value = app.script(scroll, json!(null)).await;
        session.screenshot("bench").await;
        let native = swiftshader()
            .filter(|_| env::consts::OS == "linux")
            .map(natively);
        let natively = native
            .iter()
            .flat_map(|it| [&it.prefill, &it.decode])
            .flatten();
        let mut natively = natively.map(|rate| (rate.context, rate.tokens_per_s));
        for (number, row) in rows.iter().enumerate() {
            let [context, rate] = ["context", "rate"].map(|name| row.number(name));
            assert!(rate > 0.0, "{row:?}");
            let is_decode = number >= 2;
            let outside = is_decode.then(|| row.number("outside"));
            assert!(
                outside.is_none_or(|share| (0.0..0.5).contains(&share)),
                "{row:?}"
            );
            let what = if is_decode { "decode at" } else { "prefill of" };
            print!("{what} {context}: page {rate:.2} tok/s");
            if let Some(share) = outside {
                print!(", {:.1} % of it outside the GPU", 100.0 * share);
            }
            if let Some((of, native)) = natively.next() {
                assert_eq!(f64::from(of), context);
                print!("; native {native:.2}: {:.2}", rate / native);
            }
            println!();
        }
    });
}

//! Speed of the page by its own measurement, and compared with the native program on the same adapter. Prints
//! figures; what fails is a number that cannot be.

use std::path::PathBuf;

use serde_json::{Value, json};
use vitrine_protocol::{Answer, BenchReport, BenchRequest, Question};

use crate::{
    app::App,
    native,
    session::{Session, in_browser},
    setup,
    worker::Worker,
};

/// Waits for the table. Polling a busy browser often would slow the measurement.
const UNTIL_MEASURED: &str = "
    const done = arguments[0];
    const seen = new MutationObserver(() => {
        if (document.querySelector('[data-testid=bench-row]')) {
            seen.disconnect();
            done();
        }
    });
    seen.observe(document.body, { subtree: true, childList: true });";

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn the_page_measures_its_gpu() {
    in_browser("bench", async |session| {
        let app = App::with_model(&session).await;
        app.open_panel("timings").await;
        app.click("bench").await;
        let measured = session.client.execute_async(UNTIL_MEASURED, vec![]);
        measured.await.unwrap();
        let rows = app.data("bench-row").await;
        let scroll = "document.querySelector('[data-testid=bench]').scrollIntoView()";
        let _: Value = app.script(scroll, json!(null)).await;
        session.screenshot("bench").await;
        // Two prompts, or one where the budget has no time for the longer, then tokens at two places.
        assert!((3..=4).contains(&rows.len()), "{rows:?}");
        for row in &rows {
            assert!(row.number("rate") > 0.0, "{row:?}");
        }
        for row in &rows[rows.len() - 2..] {
            let (context, rate) = (row.number("context"), row.number("rate"));
            let outside = row.number("outside");
            assert!((0.0..0.5).contains(&outside), "{row:?}");
            let percent = 100.0 * outside;
            println!("decode at {context}: {rate:.2} tok/s, {percent:.1} % of it outside the GPU");
        }
    });
}

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

/// The same questions as for the page.
const NATIVELY: [&str; 9] = [
    "bench",
    "--tuning",
    "off",
    "--prefill",
    "32",
    "--at",
    "32,256",
    "--new-tokens",
    "24",
];

async fn in_the_page(session: &Session) -> BenchReport {
    let worker = Worker::start(session).await;
    worker.load_site_model(false).await;
    let request = BenchRequest {
        prefill: vec![32],
        contexts: vec![32, 256],
        new_tokens: 24,
        batches: vec![],
        packets: false,
        no_kv_cache: false,
        runs: BenchRequest::RUNS,
        budget_s: 60.0,
    };
    let Answer::Bench(report) = worker.ask(Question::Bench(request)).await else {
        panic!("another answer");
    };
    *report
}

/// Tokens per second, a prompt first; then the kernels' milliseconds of tokens.
fn figures(report: &BenchReport) -> Vec<f64> {
    let rates = report.prefill.iter().chain(&report.decode);
    let rates = rates.map(|rate| rate.speed.tokens_per_s);
    let tokens = report.profiles.iter().filter(|pass| pass.tokens == 1);
    rates.chain(tokens.map(|pass| 1e3 * pass.seconds)).collect()
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn the_worker_and_the_native_program() {
    in_browser("speed", async |session| {
        let Some(driver) = swiftshader() else {
            println!("no SwiftShader for native programs comes with this browser");
            return;
        };
        // In turn: machines have slow stretches.
        for _ in 0..2 {
            let page = figures(&in_the_page(&session).await);
            let native = figures(&native::run_on(Some(&driver), &NATIVELY));
            assert_eq!(page.len(), 5, "{page:?}");
            let whats = ["prompt", "at 32", "at 256", "kernels, ms", "kernels, ms"];
            for (what, (page, native)) in whats.iter().zip(page.iter().zip(&native)) {
                assert!(*page > 0.0 && *native > 0.0);
                let ratio = page / native;
                println!("{what}: page {page:.2} ÷ native {native:.2} = {ratio:.2}");
            }
        }
    });
}

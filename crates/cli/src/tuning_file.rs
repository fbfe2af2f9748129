//! Files of measured tilings, one per adapter.

use std::fs;
use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;

use vitrine_engine::{Engine, Tuning};
use vitrine_gpu::Gpu;
use vitrine_protocol::TuneRequest;

use crate::args::{ModelArgs, TuningArg};
use crate::whole_file;

/// Maximum seconds of tuning at the first use of an adapter.
const BUDGET_S: f64 = 1.0;

/// The known tilings of this adapter, unless tuning is off.
pub fn recall(args: &ModelArgs, gpu: &Gpu) -> Tuning {
    if args.tuning() == TuningArg::Off {
        return Tuning::default();
    }
    let json = path(gpu).and_then(|path| fs::read(path).ok());
    json.map_or_else(Tuning::default, |json| Tuning::from_json(&json, &name(gpu)))
}

/// Measures missing tilings, if tuning is on, and keeps them.
pub async fn complete(args: &ModelArgs, engine: &mut Engine) -> anyhow::Result<()> {
    if args.tuning() != TuningArg::Auto || engine.is_tuned() {
        return Ok(());
    }
    if stderr().is_terminal() {
        let what = "measuring once how to multiply on this adapter (--tuning off: never)";
        let _ = writeln!(stderr(), "{what}");
    }
    let request = TuneRequest {
        prompts: false,
        budget_s: BUDGET_S,
    };
    engine.tune(&request, &mut ()).await?;
    // Without the file they are measured again.
    let _ = keep(engine);
    Ok(())
}

/// Writes the engine's tilings; returns the path or the error.
pub fn keep(engine: &Engine) -> std::io::Result<PathBuf> {
    let gpu = engine.gpu();
    let missing = || std::io::Error::other("no variable tells where caches go");
    let path = path(gpu).ok_or_else(missing)?;
    whole_file::write(&path, engine.tuning().to_json(&name(gpu)).as_bytes())?;
    Ok(path)
}

fn name(gpu: &Gpu) -> String {
    let adapter = gpu.description();
    format!("{} {} {}", adapter.name, adapter.backend, adapter.driver)
}

fn path(gpu: &Gpu) -> Option<PathBuf> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let file: String = name(gpu).chars().map(plain).collect();
    let folder = vitrine_hub::adapters_folder().ok()?;
    Some(folder.join(format!("{file}.json")))
}

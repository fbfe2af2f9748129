//! From arguments to a loaded engine.

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use vitrine_engine::{Engine, LoadOptions, ModelFiles};
use vitrine_gpu::{AdapterSelector, Clock, Gpu};
use vitrine_hub::DEFAULT_MODEL;
use vitrine_model::MappedFile;
use vitrine_protocol::LoadPhase;

use crate::args::ModelArgs;

/// A loaded engine and what it took.
pub struct Loaded {
    /// The engine.
    pub engine: Engine,
    /// The file it came from.
    pub path: PathBuf,
    /// Seconds from the arguments to here, without a download.
    pub load_s: f64,
}

/// Finds the model, chooses the adapter, and brings one to the other.
pub async fn load(args: &ModelArgs) -> anyhow::Result<Loaded> {
    let path = model_path(args.model.as_deref())?;
    let clock = Clock::start();
    let file = open(&path)?;
    let selector = args
        .adapter
        .as_deref()
        .map(AdapterSelector::parse)
        .unwrap_or_default();
    let gpu = Gpu::request(&selector).await?;
    let options = LoadOptions {
        context: args.context,
        ..LoadOptions::default()
    };
    let mut bar = Bar::default();
    let mut progress = |phase, done, total| bar.show(phase, done, total);
    let files = ModelFiles::new(path.display().to_string()).with("model.gguf", file);
    let engine = Engine::load(gpu, &files, &options, &mut progress).await?;
    bar.finish();
    Ok(Loaded {
        engine,
        path,
        load_s: clock.seconds(),
    })
}

/// The file that `--model` names, or the default model.
pub fn model_path(model: Option<&Path>) -> anyhow::Result<PathBuf> {
    Ok(match model {
        Some(path) => path.to_owned(),
        None => vitrine_hub::ensure(&DEFAULT_MODEL)?,
    })
}

/// Maps a model file.
pub fn open(path: &Path) -> anyhow::Result<MappedFile> {
    if path.is_dir() {
        let error = std::io::Error::new(
            std::io::ErrorKind::IsADirectory,
            "it is a folder: give the path of a .gguf file inside it",
        );
        return Err(error).context(format!("{} is not a model file", path.display()));
    }
    MappedFile::open(path).with_context(|| {
        format!(
            "the model file {} cannot be read: check the path",
            path.display()
        )
    })
}

/// A progress bar on a terminal, nothing elsewhere.
#[derive(Default)]
struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    fn show(&mut self, phase: LoadPhase, done: u64, total: u64) {
        if !stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(total);
            let style = "loading {bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar
        });
        match phase {
            LoadPhase::Compile => {
                if let Ok(style) = ProgressStyle::with_template("compiling shaders {spinner}") {
                    bar.set_style(style);
                }
                bar.tick();
            }
            LoadPhase::Download | LoadPhase::Upload => bar.set_position(done),
        }
    }

    fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

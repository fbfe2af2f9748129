//! Loads the engine from the arguments.

use std::ffi::OsStr;
use std::fs;
use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use vitrine_checkpoint::{Config, MappedFile, files, open_path};
use vitrine_engine::{Engine, LoadOptions, Tuning};
use vitrine_gpu::{AdapterSelector, Clock, Gpu};
use vitrine_hub::{Choose, DEFAULT_MODEL, HubSettings, Location};
use vitrine_protocol::LoadPhase;

use crate::args::ModelArgs;
use crate::{tuning_file, whole_file};

/// A loaded engine.
pub struct Loaded {
    /// The engine.
    pub engine: Engine,
    /// Display name: the model's path, or its id on the hub.
    pub name: String,
    /// Seconds to load it, without a download.
    pub load_s: f64,
}

/// Finds the model, chooses the adapter, and loads the model.
pub async fn load(args: &ModelArgs) -> anyhow::Result<Loaded> {
    let mut loaded = load_with(args, tuning_file::recall).await?;
    let clock = Clock::start();
    settle(args, &mut loaded.engine).await?;
    loaded.load_s += clock.seconds();
    Ok(loaded)
}

/// Measures and keeps missing tilings of the adapter.
pub async fn settle(args: &ModelArgs, engine: &mut Engine) -> anyhow::Result<()> {
    tuning_file::complete(args, engine).await?;
    if let Some((path, pipelines)) = engine.gpu().compiled_pipelines() {
        // Without the file the driver compiles again.
        let _ = whole_file::write(path, &pipelines);
    }
    Ok(())
}

/// As [`load`], without measured tilings.
pub async fn load_untuned(args: &ModelArgs) -> anyhow::Result<Loaded> {
    load_with(args, |_, _| Tuning::default()).await
}

async fn load_with(
    args: &ModelArgs,
    tuning: impl FnOnce(&ModelArgs, &Gpu) -> Tuning,
) -> anyhow::Result<Loaded> {
    let located = locate(args.model.as_deref(), &whole_model)?;
    let clock = Clock::start();
    let files = open_path(&located.path)?;
    let gpu = gpu(args).await?;
    let options = LoadOptions {
        tuning: tuning(args, &gpu),
        ..args.load_options()
    };
    let mut bar = Bar::default();
    let shards: Vec<&MappedFile> = files
        .names()
        .filter(|name| name.ends_with(".safetensors"))
        .filter_map(|name| files.get(name))
        .collect();
    let mut progress = |phase, done, total| {
        bar.show(phase, done, total);
        bar.count_shards(
            shards.iter().filter(|shard| shard.is_read()).count(),
            shards.len(),
        );
    };
    let engine = Engine::load(gpu, &files, &options, &mut progress).await?;
    bar.finish();
    Ok(Loaded {
        engine,
        name: located.name,
        load_s: clock.seconds(),
    })
}

/// A device of the adapter that the arguments name.
pub async fn gpu(args: &ModelArgs) -> anyhow::Result<Gpu> {
    let adapter = args.adapter.as_deref();
    let selector = adapter.map(AdapterSelector::parse).unwrap_or_default();
    let gpu = Gpu::request(&selector).await?;
    if let Ok(folder) = vitrine_hub::adapters_folder() {
        gpu.keep_pipelines_in(&folder);
    }
    Ok(gpu)
}

/// Reads a config.json.
pub fn config(path: &Path) -> anyhow::Result<Config> {
    let text = fs::read(path)
        .with_context(|| format!("{} cannot be read: check the path", path.display()))?;
    Ok(Config::from_json(&text)?)
}

/// A model on this machine.
pub struct Located {
    /// Its file or folder.
    pub path: PathBuf,
    /// Display name: the path, or its id on the hub.
    pub name: String,
}

/// The model that `--model` names, or the default model; downloaded if it is on the hub. `choose` selects files of a
/// repository.
pub fn locate(model: Option<&OsStr>, choose: &Choose<'_>) -> anyhow::Result<Located> {
    let id = match model.map(Location::parse).transpose()? {
        Some(Location::Hub(id)) => id,
        Some(Location::Path(path)) => return Ok(path.into()),
        None => return Ok(vitrine_hub::ensure(&DEFAULT_MODEL)?.into()),
    };
    let snapshot = vitrine_hub::fetch_model(&id, &HubSettings::from_env()?, choose)?;
    let path = match snapshot.files.as_slice() {
        [only] => snapshot.folder.join(only),
        // The parts of a split file; opening one opens all.
        [first, ..]
            if snapshot
                .files
                .iter()
                .all(|name| files::part_of(name).is_some()) =>
        {
            snapshot.folder.join(first)
        }
        _ => snapshot.folder,
    };
    let name = id.to_string();
    Ok(Located { path, name })
}

impl From<PathBuf> for Located {
    fn from(path: PathBuf) -> Self {
        let name = path.display().to_string();
        Self { path, name }
    }
}

/// The files of a repository that a model needs.
pub fn whole_model(names: &[String]) -> Result<Vec<String>, String> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let chosen = files::choose(&names).map_err(|error| error.to_string())?;
    Ok(chosen.into_iter().map(str::to_owned).collect())
}

/// A progress bar on a terminal; nothing otherwise.
#[derive(Default)]
pub struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    pub fn show(&mut self, phase: LoadPhase, done: u64, total: u64) {
        if !stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(total).with_message("loading");
            let style = "{msg} {bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
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
            LoadPhase::Download | LoadPhase::Keep | LoadPhase::Upload => bar.set_position(done),
        }
    }

    /// Prints how many of a model's files of weights have been read.
    pub fn count_shards(&self, read: usize, of: usize) {
        if let Some(bar) = self.bar.as_ref().filter(|_| of > 1) {
            bar.set_message(format!("Loading checkpoint shards: {read}/{of}"));
        }
    }

    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

//! The kernels that plans ask for.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use vitrine_gpu::{Caps, Gpu, ShaderSource};
use vitrine_model::{Config, Model, Tuning};

use crate::models::{self, Loaded, MODELS};

/// Where a kernel runs. Each is a set: one kernel may run in many places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uses {
    /// In which models.
    pub models: BTreeSet<String>,
    /// With weights in which number formats.
    pub weights: BTreeSet<String>,
    /// With activations in which.
    pub activations: BTreeSet<String>,
    /// With a KV cache in which.
    pub caches: BTreeSet<String>,
    /// In which passes.
    pub passes: BTreeSet<String>,
    /// What for.
    pub places: BTreeSet<String>,
}

/// A kernel that some plan asks for.
pub struct Planned {
    /// What it is made of.
    pub source: ShaderSource,
    /// Where it runs.
    pub uses: Uses,
    /// The same without the models, one by one: numbers of weights, activations and cache, pass, place.
    pub roles: BTreeSet<Role>,
}

/// What a kernel is for, whatever the model.
pub type Role = [&'static str; 6];

/// Which plans are made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// Only of models with this part of a name.
    pub model: Option<&'a str>,
    /// Of every model with weights in every number format; otherwise only of the first, for kernels of the
    /// others are like its.
    pub whole: bool,
    /// Also with the cuts of matrices among which `tune` chooses.
    pub candidates: bool,
}

/// Number formats of weights with which every model is planned.
const EVERYWHERE: [&str; 2] = ["f16", "q4"];

/// The kernels that are asked for on an adapter that can do `caps`, by label.
///
/// # Errors
/// When a plan cannot be made.
pub fn all(caps: &Caps, scope: Scope<'_>) -> Result<BTreeMap<String, Planned>> {
    let mut found: BTreeMap<String, Planned> = BTreeMap::new();
    let mut models = MODELS
        .into_iter()
        .filter(|model| fits(model.0, scope.model));
    let gpu = pollster::block_on(Gpu::planning(caps.clone()))?;
    let first = models.next().context("there is no such model")?;
    for model in std::iter::once(first).chain(models) {
        let config = models::config(model)?;
        for loaded in Loaded::all(&config) {
            if !scope.whole && model != first && !EVERYWHERE.contains(&loaded.weights) {
                continue;
            }
            for candidate in 0.. {
                let tuning = match candidate {
                    0 => Tuning::default(),
                    index => Tuning::forced(index),
                };
                let before = found.len();
                add(&mut found, &gpu, model, &config, loaded, tuning)?;
                if !scope.candidates || found.len() == before {
                    break;
                }
            }
        }
    }
    Ok(found)
}

fn add(
    found: &mut BTreeMap<String, Planned>,
    gpu: &Gpu,
    (model, _): (&str, &str),
    config: &Config,
    loaded: Loaded,
    tuning: Tuning,
) -> Result<()> {
    let (on_disk, options) = loaded.options(tuning);
    let kernels = Model::inventory(gpu, config, on_disk, &options);
    for kernel in kernels.with_context(|| format!("{model} with {loaded:?}"))? {
        let planned = found.entry(kernel.source.label()).or_insert(Planned {
            source: kernel.source,
            uses: Uses::default(),
            roles: BTreeSet::new(),
        });
        let (stage, name) = (kernel.place.stage, kernel.place.name);
        let (weights, activations, cache) = (loaded.weights, loaded.activations, loaded.cache);
        let role = [weights, activations, cache, kernel.pass, stage, name];
        planned.uses.add(model, role);
        planned.roles.insert(role);
    }
    Ok(())
}

/// Of `planned`, labels of as many as are needed to have each role once. Kernels of one role differ in what
/// they are told of the model's sizes, which seldom changes their code; attention's do, whose loops have the
/// size of a head.
pub fn one_of_each(planned: &BTreeMap<String, Planned>) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    let mut known: BTreeSet<(&str, Role)> = BTreeSet::new();
    for (model, _) in MODELS {
        for (label, kernel) in planned {
            if !kernel.uses.models.contains(model) || kept.contains(label) {
                continue;
            }
            let name = kernel.source.name;
            let common = kernel.roles.iter().filter(|role| is_common(role));
            let roles: Vec<_> = common.map(|role| (name, *role)).collect();
            let is_new = roles.iter().any(|role| !known.contains(role));
            if is_new || name.starts_with("attention") {
                kept.insert(label.clone());
            }
            known.extend(roles);
        }
    }
    kept
}

/// Whether a pass does what nobody can do without.
fn is_common([.., pass, _, _]: &Role) -> bool {
    !matches!(
        *pass,
        "batch of 2" | "batch of 4" | "watched" | "tapped" | "changed"
    )
}

/// Whether a model is meant, by a part of its name.
pub fn fits(name: &str, only: Option<&str>) -> bool {
    only.is_none_or(|part| name.to_lowercase().contains(&part.to_lowercase()))
}

impl Uses {
    fn add(&mut self, model: &str, [weights, activations, cache, pass, stage, name]: Role) {
        self.models.insert(model.to_owned());
        self.weights.insert(weights.to_owned());
        self.activations.insert(activations.to_owned());
        self.caches.insert(cache.to_owned());
        self.passes.insert(pass.to_owned());
        self.places.insert(format!("{stage}.{name}"));
    }

    /// These and those.
    pub fn merge(&mut self, other: &Self) {
        let pairs = [
            (&mut self.models, &other.models),
            (&mut self.weights, &other.weights),
            (&mut self.activations, &other.activations),
            (&mut self.caches, &other.caches),
            (&mut self.passes, &other.passes),
            (&mut self.places, &other.places),
        ];
        for (mine, theirs) in pairs {
            mine.extend(theirs.iter().cloned());
        }
    }
}

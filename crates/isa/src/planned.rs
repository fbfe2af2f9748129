//! The kernels that plans ask for.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use vitrine_checkpoint::Config;
use vitrine_gpu::{Caps, Gpu, ShaderSource};
use vitrine_model::{Model, Tuning};

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

/// Formats of weights, activations and cache; the pass; the stage and its operation.
pub type Role = [&'static str; 6];

/// A kernel that some plan asks for.
pub struct Planned {
    /// What it is made of.
    pub source: ShaderSource,
    /// Where it runs.
    pub uses: Uses,
    /// The kernels one by one, without the models.
    pub roles: BTreeSet<Role>,
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::one_of_each;
    use crate::spirv;
    use crate::unit::Of;

    /// As of a common GPU.
    fn caps() -> Caps {
        Caps {
            f16: true,
            subgroups: true,
            subgroup_size: None,
            timestamps: true,
            max_storage_binding: 1 << 31,
            max_weight_binding: 1 << 31,
            max_uniform_binding: 1 << 16,
            max_storage_buffers: 16,
            max_workgroup_lanes: 1024,
            max_workgroup_memory: 32 << 10,
            max_texture: 0,
            max_buffer: 1 << 31,
        }
    }

    #[test]
    fn plans_tell_their_kernels_without_a_gpu() {
        let scope = Scope {
            model: Some("qwen3"),
            ..Scope::default()
        };
        let planned = all(&caps(), scope).unwrap();
        let one = one_of_each(&planned);
        assert!(!one.is_empty() && one.len() < planned.len());
        for weights in [
            "f32",
            "f16",
            "bf16",
            "q8_0",
            "q8 per row",
            "q4",
            "q4 per 128",
            "q6_k",
        ] {
            for (activations, pass) in [("f32", "token"), ("f16", "prompt"), ("q8", "batch of 8")] {
                let is_float = ["f32", "f16", "bf16"].contains(&weights);
                if activations == "q8" && is_float {
                    continue;
                }
                let runs = |kernel: &&Planned| {
                    let down = |role: &&Role| {
                        role.starts_with(&[weights, activations])
                            && role[3..] == [pass, "mlp", "down_proj"]
                    };
                    kernel.roles.iter().any(|role| down(&role))
                };
                let kernels: Vec<_> = planned.values().filter(runs).collect();
                let matmul = kernels
                    .iter()
                    .find(|it| it.source.name.starts_with("matmul"));
                let source = &matmul
                    .unwrap_or_else(|| panic!("{weights} {activations} {pass}"))
                    .source;
                let spirv = spirv::of_wgsl(&source.wgsl().unwrap()).unwrap();
                assert_eq!(spirv.bindings.len(), source.bindings.len());
                assert!(spirv.unit.is_none_or(|unit| unit.of != Of::Pair));
            }
        }
        let names: BTreeSet<_> = planned.values().map(|kernel| kernel.source.name).collect();
        for name in [
            "attention/token",
            "sample",
            "top_k",
            "rank",
            "attention/probs",
        ] {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn models_are_found_by_a_part_of_their_names() {
        assert!(fits("Llama-3-8B", Some("llama")) && !fits("Llama-3-8B", Some("phi")));
        let none = Scope {
            model: Some("nobody"),
            ..Scope::default()
        };
        assert!(all(&caps(), none).is_err());
    }
}

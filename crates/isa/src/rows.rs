//! Kernels that are alike, in one row: the worst of them counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::families::Family;
use crate::measured::Measured;
use crate::planned::Uses;
use crate::report::{Kernel, Report};

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The name of their shader.
    pub name: String,
    /// In which passes they run.
    pub pass: String,
    /// The number format of weights, where it matters.
    pub weights: String,
    /// That of activations; of attention the model and the number format of the cache.
    pub numbers: String,
}

/// Statistics of a row on a family.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// The most vector registers.
    pub vgprs: u32,
    /// The most that are in memory.
    pub spilled: u32,
    /// The most bytes of scratch.
    pub scratch: u32,
    /// The most bytes of workgroup memory.
    pub lds: u32,
    /// The fewest subgroups per SIMD unit.
    pub waves: Option<u32>,
    /// The most instructions.
    pub instructions: u32,
    /// The longest inner loop.
    pub inner: u32,
    /// Its most instructions per weight, product or pair.
    pub per_unit: Option<f64>,
    /// Its smallest share of fused multiply-adds.
    pub fused: Option<f64>,
}

/// A row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// How many kernels.
    pub kernels: usize,
    /// What is counted per.
    pub unit: &'static str,
    /// By family.
    pub cells: BTreeMap<Family, Cell>,
}

/// The rows of a report.
pub fn rows(report: &Report) -> BTreeMap<Key, Row> {
    let mut rows: BTreeMap<Key, Row> = BTreeMap::new();
    for kernel in &report.kernels {
        let row = rows.entry(Key::of(kernel)).or_default();
        row.kernels += 1;
        for (family, measured) in &kernel.measured {
            if let Some(unit) = measured.inner.as_ref().and_then(|inner| inner.unit) {
                row.unit = unit.of.name();
            }
            row.cells.entry(*family).or_default().worsen(measured);
        }
    }
    rows
}

impl Key {
    fn of(kernel: &Kernel) -> Self {
        let uses = &kernel.uses;
        let pass = pass(uses);
        let is_attention = kernel.name.starts_with("attention");
        // Loops of attention depend on the head size and the data type of the cache.
        let numbers = match is_attention {
            true if pass == "inside" => Vec::new(),
            true => {
                let cache = only(&uses.caches).map(|cache| format!("cache {cache}"));
                uses.models.iter().cloned().chain(cache).collect()
            }
            false => Vec::from_iter(activations(uses)),
        };
        Self {
            name: kernel.name.clone(),
            pass,
            weights: only(&uses.weights).unwrap_or_default(),
            numbers: numbers.join(", "),
        }
    }
}

fn only(set: &BTreeSet<String>) -> Option<String> {
    set.first().filter(|_| set.len() == 1).cloned()
}

/// Models with packed activations use floats too.
fn activations(uses: &Uses) -> Option<String> {
    let is_float = |name: &&String| name.as_str() != "q8";
    let floats: BTreeSet<String> = uses.activations.iter().filter(is_float).cloned().collect();
    match floats.is_empty() {
        true => only(&uses.activations),
        false => only(&floats),
    }
}

/// The most common of its passes, whose kernels the others share. `inside` is an inspected pass.
fn pass(uses: &Uses) -> String {
    const COMMON: [&str; 5] = ["token", "batch", "prompt", "choice", "readout"];
    let has = |part: &&str| uses.passes.iter().any(|pass| pass.starts_with(part));
    COMMON.into_iter().find(has).unwrap_or("inside").to_owned()
}

impl Cell {
    fn worsen(&mut self, measured: &Measured) {
        let most = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.vgprs = self.vgprs.max(measured.vgprs);
        self.spilled = self.spilled.max(measured.spilled_vgprs);
        self.scratch = self.scratch.max(measured.scratch_bytes);
        self.lds = self.lds.max(measured.lds_bytes);
        self.waves = Some(self.waves.unwrap_or(u32::MAX).min(measured.waves));
        self.instructions = self.instructions.max(measured.instructions);
        self.per_unit = most(self.per_unit, measured.per_unit());
        if let Some(inner) = &measured.inner {
            self.inner = self.inner.max(inner.instructions);
            let fused = inner.fused_share();
            self.fused = Some(self.fused.unwrap_or(1.0).min(fused));
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            pass,
            weights,
            numbers,
        } = self;
        let rest = [weights, numbers].into_iter().filter(|it| !it.is_empty());
        write!(f, "{name}, {pass}")?;
        rest.into_iter().try_for_each(|it| write!(f, ", {it}"))
    }
}

//! All that a run found out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::driver;
use crate::families::Family;
use crate::measured::Measured;
use crate::planned::Uses;
use crate::wanted::Wanted;
use crate::worker;

/// Kernels and their statistics.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// The driver and its version.
    pub driver: String,
    /// The kernels, in order of their names.
    pub kernels: Vec<Kernel>,
}

/// A kernel.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kernel {
    /// The name of its shader.
    pub name: String,
    /// Distinguishes it from others of this name.
    pub label: String,
    /// Where it runs.
    pub uses: Uses,
    /// By family; some ask for other kernels than others.
    pub measured: BTreeMap<Family, Measured>,
}

impl Report {
    /// What an earlier run printed.
    ///
    /// # Errors
    /// When the file cannot be read, or is something else.
    pub fn read(file: &Path) -> Result<Self> {
        let text = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let report = serde_json::from_slice(&text);
        report.with_context(|| format!("{} is not the JSON of an earlier run", file.display()))
    }

    /// Compiles the selected kernels, for all families in parallel.
    ///
    /// # Errors
    /// When the driver has no such device, or a kernel cannot be compiled.
    pub fn make(driver: &Path, wanted: &Wanted) -> Result<Self> {
        let mut children = Vec::new();
        for family in wanted.families() {
            let chip = driver::chip(driver, family)
                .with_context(|| format!("the driver {} has no {family}", driver.display()))?;
            children.push((family, worker::start(driver, family, chip, wanted)?));
        }
        let mut version = String::new();
        let mut kernels: BTreeMap<String, Kernel> = BTreeMap::new();
        // Each process has a thread, so that none blocks on a full pipe.
        let heard: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = children
                .into_iter()
                .map(|(family, child)| (family, scope.spawn(move || worker::listen(child, family))))
                .collect();
            threads
                .into_iter()
                .map(|(family, thread)| (family, thread.join()))
                .collect()
        });
        for (family, heard) in heard {
            let heard = heard.ok().context("a thread of this program failed")?;
            let (driver, told) = heard?;
            version = driver;
            for told in told {
                let label = told.label.clone();
                let kernel = kernels.entry(label).or_insert_with(|| Kernel {
                    name: told.name,
                    label: told.label,
                    uses: Uses::default(),
                    measured: BTreeMap::new(),
                });
                kernel.uses.merge(&told.uses);
                kernel.measured.insert(family, told.measured);
            }
        }
        ensure!(!kernels.is_empty(), "no kernel has all these words");
        Ok(Self {
            driver: version,
            kernels: kernels.into_values().collect(),
        })
    }
}

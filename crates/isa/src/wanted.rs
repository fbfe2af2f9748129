//! Which kernels, and how much of them is to be told.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use vitrine_gpu::Caps;

use anyhow::Result;

use crate::families::Family;
use crate::planned::{self, Planned, Scope};

/// Which kernels are compiled, and for what.
#[derive(Args, Clone, Debug, Default)]
pub struct Wanted {
    /// Kernels whose name or permutation contains all these words; all without any
    pub filter: Vec<String>,
    /// Only at the shapes of this model (a part of its name)
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Only for this family of GPUs
    #[arg(long, value_name = "NAME")]
    pub family: Option<Family>,
    /// Every kernel of every model, and not one for each role: takes some minutes
    #[arg(long)]
    pub all: bool,
    /// The kernels among which `tune` chooses, too
    #[arg(long)]
    pub candidates: bool,
    /// Write WGSL and machine code of each kernel into this folder
    #[arg(long, value_name = "FOLDER")]
    pub dump: Option<PathBuf>,
}

impl Wanted {
    /// The families.
    pub fn families(&self) -> Vec<Family> {
        match self.family {
            Some(family) => vec![family],
            None => Family::ALL.to_vec(),
        }
    }

    /// The kernels that plans ask for on an adapter that can do `caps`, as far as they are wanted.
    ///
    /// # Errors
    /// When a plan cannot be made.
    pub fn kernels(&self, caps: &Caps) -> Result<BTreeMap<String, Planned>> {
        let scope = Scope {
            model: self.model.as_deref(),
            whole: self.all,
            candidates: self.candidates,
        };
        let mut all = planned::all(caps, scope)?;
        if !self.all && self.model.is_none() && !self.candidates {
            let kept = planned::one_of_each(&all);
            all.retain(|label, _| kept.contains(label));
        }
        all.retain(|label, kernel| self.fits(label, kernel));
        Ok(all)
    }

    fn fits(&self, label: &str, kernel: &Planned) -> bool {
        let numbers = [
            &kernel.uses.weights,
            &kernel.uses.passes,
            &kernel.uses.places,
        ];
        self.filter.iter().all(|word| {
            let is_number = numbers
                .iter()
                .any(|set| set.len() == 1 && set.contains(word));
            is_number || label.to_lowercase().contains(&word.to_lowercase())
        })
    }

    /// The same as arguments of another process.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = self.filter.clone();
        let mut option = |name: &str, value: Option<String>| {
            arguments.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
        };
        option("--model", self.model.clone());
        option(
            "--dump",
            self.dump.as_ref().map(|path| path.display().to_string()),
        );
        let flags = [(self.all, "--all"), (self.candidates, "--candidates")];
        let set = flags.into_iter().filter(|(set, _)| *set);
        arguments.extend(set.map(|(_, name)| name.to_owned()));
        arguments
    }
}

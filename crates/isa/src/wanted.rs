//! The selected kernels and the form of the output.

use std::path::PathBuf;

use clap::Args;

use crate::families::Family;

/// Which kernels are compiled, and for what.
#[derive(Args, Clone, Debug, Default)]
pub struct Wanted {
    /// Only kernels that all these words fit: parts of a name, number formats (q4_k, f16), passes (token, prompt),
    /// places (qkv_proj), flags
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
    /// Compile this WGSL instead of the kernels of plans; `const WEIGHTS_PER_TRIP: u32 = 32;` in it declares the work
    /// of an iteration of its inner loop
    #[arg(long, value_name = "FILE", conflicts_with_all = ["filter", "model", "all", "candidates"])]
    pub wgsl: Vec<PathBuf>,
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

    /// The same as arguments of another process.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = self.filter.clone();
        let mut option = |name: &str, value: Option<String>| {
            arguments.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
        };
        let path = |path: &PathBuf| path.display().to_string();
        option("--model", self.model.clone());
        option("--dump", self.dump.as_ref().map(path));
        for file in &self.wgsl {
            option("--wgsl", Some(path(file)));
        }
        let flags = [(self.all, "--all"), (self.candidates, "--candidates")];
        let set = flags.into_iter().filter(|(set, _)| *set);
        arguments.extend(set.map(|(_, name)| name.to_owned()));
        arguments
    }
}

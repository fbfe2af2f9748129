//! The WGSL of the kernels that are wanted.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use vitrine_gpu::Caps;

use crate::planned::{self, Planned, Scope, Uses};
use crate::roles;
use crate::wanted::Wanted;

/// A kernel as naga reads it.
pub struct Text {
    /// Distinguishes it from others.
    pub label: String,
    /// The name of its shader.
    pub name: String,
    /// Where it runs.
    pub uses: Uses,
    /// The text.
    pub wgsl: String,
}

/// The kernels that are wanted: files, or what plans ask for on an adapter that can do `caps`.
///
/// # Errors
/// When a file cannot be read, or a plan not be made.
pub fn wanted(caps: &Caps, wanted: &Wanted) -> Result<Vec<Text>> {
    if !wanted.wgsl.is_empty() {
        return wanted.wgsl.iter().map(|path| of_file(path)).collect();
    }
    let scope = Scope {
        model: wanted.model.as_deref(),
        whole: wanted.all,
        candidates: wanted.candidates,
    };
    let mut planned = planned::all(caps, scope)?;
    if scope.model.is_none() && !scope.whole && !scope.candidates {
        let kept = roles::one_of_each(&planned);
        planned.retain(|label, _| kept.contains(label));
    }
    planned.retain(|label, kernel| {
        let mut words = wanted.filter.iter();
        words.all(|word| fits(word, label, kernel))
    });
    of_plans(planned)
}

fn of_plans(planned: BTreeMap<String, Planned>) -> Result<Vec<Text>> {
    let text = |(label, kernel): (String, Planned)| {
        Ok(Text {
            label,
            name: kernel.source.name.to_owned(),
            uses: kernel.uses,
            wgsl: kernel.source.wgsl()?,
        })
    };
    planned.into_iter().map(text).collect()
}

fn of_file(path: &std::path::Path) -> Result<Text> {
    let wgsl = fs::read_to_string(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Text {
        label: path.display().to_string(),
        name: name.into_owned(),
        uses: Uses::default(),
        wgsl: wgsl.with_context(|| format!("{} cannot be read", path.display()))?,
    })
}

/// Whether a word is the kernel's purpose, a part of its name, or one of its flags or constants.
fn fits(word: &str, label: &str, kernel: &Planned) -> bool {
    let uses = &kernel.uses;
    let sets = [&uses.models, &uses.activations, &uses.caches, &uses.passes];
    let place = |place: &String| place == word || place.ends_with(&format!(".{word}"));
    // Kernels without weights run with all formats.
    uses.weights.len() == 1 && uses.weights.contains(word)
        || sets.iter().any(|set| set.contains(word))
        || uses.places.iter().any(place)
        || kernel.source.name.contains(word)
        || label.split_whitespace().any(|part| part == word)
}

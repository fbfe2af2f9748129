//! Small models of random weights, and what `transformers` says of them
//! (`tests/reference/make_random.py`).

use std::{
    fs,
    path::{Path, PathBuf},
};

use safetensors::SafeTensors;
use serde::Deserialize;

use crate::app::{App, ids};

/// A model of `tests/fixtures`.
pub struct Reference {
    /// Its folder.
    pub folder: PathBuf,
    /// Prompts and their continuations.
    pub sequences: Vec<Sequence>,
}

#[derive(Deserialize)]
struct Golden {
    sequences: Vec<Sequence>,
}

/// A prompt.
#[derive(Deserialize)]
pub struct Sequence {
    name: String,
    /// Its tokens.
    pub prompt_ids: Vec<u32>,
    /// The most probable ones after them.
    pub new_ids: Vec<u32>,
}

/// Those of `tests/fixtures/architectures`.
pub fn architectures() -> Vec<Reference> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/architectures");
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() > 10, "{names:?}");
    let reference = |name: &String| Reference::new(&format!("architectures/{name}"));
    names.iter().map(reference).collect()
}

impl Reference {
    /// The model in a folder of `tests/fixtures`.
    pub fn new(folder: &str) -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let folder = fixtures.join(folder);
        let golden = fs::read_to_string(folder.join("golden.json")).unwrap();
        let golden: Golden = serde_json::from_str(&golden).unwrap();
        Self {
            folder,
            sequences: golden.sequences,
        }
    }

    /// The files that a reader would pick.
    pub fn files(&self) -> Vec<PathBuf> {
        let not_of_the_model = ["golden.json", "logits.safetensors"];
        let mut files: Vec<PathBuf> = fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !not_of_the_model.iter().any(|name| path.ends_with(name)))
            .collect();
        files.sort();
        files
    }

    /// Lets the page continue the shortest and the longest prompt, and compares tokens and logits.
    pub async fn check(&self, app: &App<'_>) {
        let logits = fs::read(self.folder.join("logits.safetensors")).unwrap();
        let logits = SafeTensors::deserialize(&logits).unwrap();
        let length = |sequence: &&Sequence| sequence.prompt_ids.len();
        let shortest = self.sequences.iter().min_by_key(length).unwrap();
        let longest = self.sequences.iter().max_by_key(length).unwrap();
        for sequence in [shortest, longest] {
            let name = format!("{}, {}", self.folder.display(), sequence.name);
            app.generate_from_ids(&sequence.prompt_ids, sequence.new_ids.len())
                .await;
            app.wait_until_generated().await;
            let prompt = ids(&app.tokens("prompt").await);
            assert_eq!(prompt, sequence.prompt_ids, "{name}");
            let generated = ids(&app.tokens("generated").await);
            assert_eq!(generated, sequence.new_ids, "{name}");

            let tensor = logits.tensor(&sequence.name).unwrap();
            let right: Vec<f32> = bytemuck::pod_collect_to_vec(tensor.data());
            let most = right.iter().fold(0.0_f32, |most, it| most.max(it.abs()));
            let bars = app.bars_of(sequence.prompt_ids.len() as u32).await;
            let off = |shift: usize| {
                let off = bars.top.iter().map(|bar| {
                    let right = right[(bar.id as usize + shift) % right.len()];
                    (bar.logit - f64::from(right)).abs() / f64::from(most)
                });
                off.fold(0.0, f64::max)
            };
            assert!(off(0) < 1e-3, "{name}: off by {} relative", off(0));
            // Control: the logits of other ids differ.
            assert!(off(1) > 1e-3, "{name}: the control fails");
        }
    }
}

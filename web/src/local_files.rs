//! The files of a model among those that the user picked or dropped.

use leptos::prelude::*;
use vitrine_protocol::Command;
use web_sys::File;

use crate::i18n::t;
use crate::state::State;

/// A picked file and its path relative to the picked folder, such as `phi-3/config.json`; the path
/// of a single file has no folder.
pub type Picked = (String, File);

/// The command that loads the model among `files`; `None` without files.
pub fn load(state: State, files: Vec<Picked>) -> Option<Command> {
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    let (name, chosen) = model_among(&paths)?;
    let chosen = chosen.into_iter().map(|index| {
        let (path, file) = &files[index];
        (file_name(path).to_owned(), file.clone())
    });
    let keep = state.settings.keep_picked.get_untracked();
    Some(state.load_picked(name, chosen.collect(), keep))
}

/// The model's name and the indices of its files: those in the topmost folder that contains a
/// model.
fn model_among(paths: &[&str]) -> Option<(String, Vec<usize>)> {
    let of_model = |path: &&str| {
        let name = file_name(path);
        name == "config.json" || name.ends_with(".gguf") || name.ends_with(".safetensors")
    };
    let depth = |path: &&str| (path.matches('/').count(), folder(path).to_owned());
    let candidates = paths.iter().copied().filter(of_model);
    // If there are none, the worker reports what is missing.
    let first = candidates
        .min_by_key(depth)
        .or_else(|| paths.iter().copied().min_by_key(depth))?;
    let home = folder(first);
    let files: Vec<usize> = (0..paths.len())
        .filter(|&index| folder(paths[index]) == home)
        .collect();
    let mut ggufs = files
        .iter()
        .filter_map(|&index| file_name(paths[index]).strip_suffix(".gguf"));
    let name = match (ggufs.next(), ggufs.next(), file_name(home)) {
        (Some(gguf), None, _) => gguf,
        (_, _, "") => t("picked-name"),
        (_, _, folder) => folder,
    };
    Some((name.to_owned(), files))
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_the_topmost_folder_that_holds_one() {
        let paths = [
            "phi/onnx/config.json",
            "phi/README.md",
            "phi/config.json",
            "phi/model.safetensors",
        ];
        assert_eq!(model_among(&paths), Some(("phi".to_owned(), vec![1, 2, 3])));
        let paths = ["hub/refs/main", "hub/snapshots/abc/config.json"];
        assert_eq!(model_among(&paths), Some(("abc".to_owned(), vec![1])));
    }

    #[test]
    fn loose_files_are_one_model() {
        assert_eq!(
            model_among(&["tiny.gguf"]),
            Some(("tiny".to_owned(), vec![0]))
        );
        assert_eq!(
            model_among(&["config.json", "model.safetensors"]),
            Some((t("picked-name").to_owned(), vec![0, 1]))
        );
        assert_eq!(model_among(&["letter.txt"]).map(|it| it.1), Some(vec![0]));
        assert_eq!(model_among(&[]), None);
    }
}

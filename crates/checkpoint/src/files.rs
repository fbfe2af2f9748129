//! The files of a model, by name, independent of where they are stored.

use crate::CheckpointError;
use crate::source::ByteSource;

/// A model's files: one GGUF file, or those of a folder in Hugging Face format.
pub struct ModelFiles<S> {
    name: String,
    files: Vec<(String, S)>,
}

impl<S: ByteSource> ModelFiles<S> {
    /// An empty set of files. `name` is shown to people: a folder, file or hub id.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            files: Vec::new(),
        }
    }

    /// Adds a file under its name in the folder, such as `model-00001-of-00002.safetensors`.
    pub fn add(&mut self, file_name: impl Into<String>, source: S) {
        self.files.push((file_name.into(), source));
    }

    /// Adds a file and returns the set.
    #[must_use]
    pub fn with(mut self, file_name: impl Into<String>, source: S) -> Self {
        self.add(file_name, source);
        self
    }

    /// The model's name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of the files, in insertion order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_str())
    }

    /// A file, by name.
    #[must_use]
    pub fn get(&self, file_name: &str) -> Option<&S> {
        let found = self.files.iter().find(|(name, _)| name == file_name);
        found.map(|(_, source)| source)
    }

    /// Reads a small file as a whole; `None` if there is no such file.
    ///
    /// # Errors
    /// When it cannot be read, or is too large.
    pub async fn read_small(&self, file_name: &str) -> Result<Option<Vec<u8>>, CheckpointError> {
        let Some(source) = self.get(file_name) else {
            return Ok(None);
        };
        if source.len() > MAX_SMALL {
            return Err(CheckpointError::Damaged(format!(
                "{file_name} has {} bytes, more than the limit of {MAX_SMALL}",
                source.len()
            )));
        }
        Ok(Some(source.read(0..source.len()).await?.into_owned()))
    }
}

/// Maximum bytes of a file that is read as a whole. The largest are tokenizers: 33 MB for 262,144 tokens.
const MAX_SMALL: u64 = 128 << 20;

/// Optional files next to config.json and the weights.
const DESCRIPTIONS: [&str; 10] = [
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja",
    INDEX,
];

/// Chooses the files of a folder or repository that make up the model: its GGUF file, or config.json
/// with the safetensors and the tokenizer. Files in subfolders are ignored. Where there is an index
/// ([`INDEX`]), it says which safetensors files are the model.
///
/// # Errors
/// When there is no model among them, or more than one.
pub fn choose<'a>(names: &[&'a str]) -> Result<Vec<&'a str>, CheckpointError> {
    let has = |name: &str| names.contains(&name);
    let of_kind = |is_kind: fn(&str) -> bool| -> Vec<&'a str> {
        let found = names.iter().copied();
        let mut found: Vec<&str> = found.filter(|name| is_kind(name)).collect();
        found.sort_unstable();
        found
    };
    let (safetensors, ggufs) = (of_kind(is_safetensors), of_kind(is_gguf));
    if has("config.json") && (has(INDEX) || !safetensors.is_empty()) {
        let mut chosen = vec!["config.json"];
        chosen.extend(DESCRIPTIONS.iter().filter(|name| has(name)));
        // Repositories often contain the same weights again as `consolidated.safetensors`.
        let is_shard = |name: &&str| name.starts_with("model-") && name.contains("-of-");
        let shards: Vec<&str> = safetensors.iter().copied().filter(is_shard).collect();
        if has("model.safetensors") {
            chosen.push("model.safetensors");
        } else if shards.is_empty() {
            chosen.extend(safetensors);
        } else if let (false, Some(missing)) = (has(INDEX), missing_shard(&shards)) {
            return Err(CheckpointError::MissingShard(missing));
        } else {
            chosen.extend(shards);
        }
        return Ok(chosen);
    }
    match ggufs.as_slice() {
        [] if has("adapter_config.json") => Err(CheckpointError::Adapter),
        [] if !safetensors.is_empty() => Err(CheckpointError::Missing("config.json".to_owned())),
        [] if has("config.json") => Err(match pickled(names) {
            Some(name) => CheckpointError::PickledWeights(name.to_owned()),
            None => CheckpointError::Missing(
                "weights in safetensors format (model.safetensors, or its shards)".to_owned(),
            ),
        }),
        [] => Err(CheckpointError::NoModel),
        [one] => match part_of(one) {
            Some(_) => split_parts(one, &ggufs),
            None => Ok(vec![one]),
        },
        [first, ..]
            if part_of(first).is_some() && ggufs.iter().all(|name| same_split(first, name)) =>
        {
            split_parts(first, &ggufs)
        }
        several => Err(CheckpointError::SeveralModels(several.join(", "))),
    }
}

/// The index of a model in several safetensors files.
pub const INDEX: &str = "model.safetensors.index.json";

/// Whether a file in a folder is a model in GGUF format. What macOS leaves beside a file (`._name`), files in
/// subfolders and image encoders (mmproj) are none.
#[must_use]
pub fn is_gguf(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".gguf")
        && !name.contains('/')
        && !name.starts_with("._")
        && !name.contains("mmproj")
}

fn is_safetensors(name: &str) -> bool {
    name.ends_with(".safetensors") && !name.contains('/') && !name.starts_with("._")
}

/// The stem of a part of a split GGUF file, its number, and the number of parts, if its name says that it is one:
/// `stem-00001-of-00003.gguf`.
#[must_use]
pub fn part_of(name: &str) -> Option<(&str, u32, u32)> {
    let ending = name.len().checked_sub(".gguf".len())?;
    let (stem, ending) = name.split_at_checked(ending)?;
    let (rest, count) = stem.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !ending.eq_ignore_ascii_case(".gguf") || !is_number(number) || !is_number(count) {
        return None;
    }
    let (number, count) = (number.parse().ok()?, count.parse().ok()?);
    (1..=count)
        .contains(&number)
        .then_some((stem, number, count))
}

/// Whether two parts belong to one split file.
fn same_split(a: &str, b: &str) -> bool {
    match (part_of(a), part_of(b)) {
        (Some((a, _, of_a)), Some((b, _, of_b))) => (a, of_a) == (b, of_b),
        _ => false,
    }
}

/// All parts of the split file that `one` is a part of, in order.
///
/// # Errors
/// When one of them is not among `names`.
pub fn split_parts<'a>(one: &str, names: &[&'a str]) -> Result<Vec<&'a str>, CheckpointError> {
    let Some((stem, _, count)) = part_of(one) else {
        return Ok(names.iter().copied().filter(|name| *name == one).collect());
    };
    let part = |number: u32| {
        let is_it = |name: &&&'a str| part_of(name) == Some((stem, number, count));
        names
            .iter()
            .find(is_it)
            .copied()
            .ok_or_else(|| CheckpointError::MissingPart {
                name: format!("{stem}-{number:05}-of-{count:05}.gguf"),
                count,
            })
    };
    // The search stops at the first missing part.
    (1..=count).map(part).collect()
}

/// The first file that looks like weights in Python's pickle format.
fn pickled<'a>(names: &[&'a str]) -> Option<&'a str> {
    let is_pickled = |name: &&&str| {
        let is_weights = name.contains("model") || name.contains("consolidated");
        is_weights
            && [".bin", ".pt", ".pth"]
                .iter()
                .any(|end| name.ends_with(end))
    };
    names.iter().find(is_pickled).copied()
}

/// The first missing shard of a set named like `model-00001-of-00003.safetensors`.
fn missing_shard(shards: &[&str]) -> Option<String> {
    let count = shards.first()?.strip_suffix(".safetensors")?;
    let (_, count) = count.rsplit_once("-of-")?;
    let (digits, count) = (count.len(), count.parse::<u32>().ok()?);
    // The search stops at the first missing shard, so a malicious count of a billion is harmless.
    (1..=count)
        .map(|number| {
            let number = format!("{number:0digits$}");
            format!("model-{number}-of-{count:0digits$}.safetensors")
        })
        .find(|name| !shards.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_safetensors_is_chosen_with_what_describes_it() {
        let names = [
            "README.md",
            "config.json",
            "consolidated.safetensors",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            INDEX,
            "onnx/config.json",
            "tokenizer.json",
        ];
        assert_eq!(
            choose(&names).unwrap(),
            [
                "config.json",
                "tokenizer.json",
                INDEX,
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
            ]
        );
    }

    #[test]
    fn one_gguf_file_is_a_model_and_two_are_a_question() {
        assert_eq!(choose(&["a.gguf", "README.md"]).unwrap(), ["a.gguf"]);
        let error = choose(&["a.gguf", "b.gguf"]).unwrap_err().to_string();
        assert!(error.contains("a.gguf, b.gguf"), "{error}");
        let beside = ["._a.gguf", "mmproj-a-f16.gguf", "A.GGUF", "sub/b.gguf"];
        assert_eq!(choose(&beside).unwrap(), ["A.GGUF"]);
    }

    #[test]
    fn the_parts_of_a_split_file_are_one_model() {
        let parts = ["m-00002-of-00002.gguf", "m-00001-of-00002.gguf"];
        let chosen = choose(&parts).unwrap();
        assert_eq!(chosen, ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]);
        let error = choose(&parts[..1]).unwrap_err().to_string();
        assert!(error.contains("m-00001-of-00002.gguf"), "{error}");
        let error = choose(&[parts[0], parts[1], "b.gguf"]).unwrap_err();
        assert!(
            matches!(error, CheckpointError::SeveralModels(_)),
            "{error}"
        );
        for none in [
            "m-1-of-2.gguf",
            "m-00003-of-00002.gguf",
            "00001-of-00002.gguf",
            "m.gguf",
            "é.gguf",
        ] {
            assert_eq!(part_of(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (names, missing) in [
            (vec!["model.safetensors"], "config.json"),
            (
                vec!["config.json", "pytorch_model.bin"],
                "pytorch_model.bin",
            ),
            (vec!["config.json"], "safetensors"),
            (
                vec!["adapter_config.json", "adapter_model.safetensors"],
                "LoRA",
            ),
            (
                vec!["config.json", "model-00002-of-00002.safetensors"],
                "model-00001-of-00002.safetensors",
            ),
            (vec!["README.md"], "no model"),
        ] {
            let error = choose(&names).unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        }
    }
}

//! A parsed model: its configuration, and where each tensor is stored.

use std::collections::{BTreeMap, BTreeSet};

use crate::architecture::{Architecture, Names};
use crate::config::RopeFactors;
use crate::files::{INDEX, choose, is_gguf};
use crate::source::ByteSource;
use crate::tensor::TensorInfo;
use crate::{CheckpointError, Config, Gguf, ModelFiles, safetensors};

/// A model that can be loaded to the GPU.
pub struct Checkpoint<'f, S> {
    /// Its hyperparameters.
    pub config: Config,
    /// The header of a GGUF file; `None` for a folder.
    pub gguf: Option<Gguf>,
    sources: Vec<&'f S>,
    tensors: BTreeMap<String, TensorInfo>,
    /// Prefix of all names in this checkpoint but the output head's.
    prefix: &'static str,
}

impl<'f, S: ByteSource> Checkpoint<'f, S> {
    /// Reads the headers of a model's files.
    ///
    /// # Errors
    /// When files are missing, truncated or damaged, or contradict one another; or the model is not
    /// supported.
    pub async fn open(files: &'f ModelFiles<S>) -> Result<Self, CheckpointError> {
        let names: Vec<&str> = files.names().collect();
        let chosen = choose(&names)?;
        match chosen.as_slice() {
            parts if parts.iter().all(|name| is_gguf(name)) => Self::open_gguf(files, parts).await,
            _ => Self::open_folder(files, &chosen).await,
        }
    }

    /// Opens a GGUF file, or the parts of a split one in order.
    async fn open_gguf(files: &'f ModelFiles<S>, names: &[&str]) -> Result<Self, CheckpointError> {
        let mut sources = Vec::new();
        for name in names {
            sources.push(files.get(name).ok_or(CheckpointError::NoModel)?);
        }
        let [first, others @ ..] = sources.as_slice() else {
            return Err(CheckpointError::NoModel);
        };
        let mut gguf = Gguf::read(*first).await?;
        let (part, count) = gguf.split();
        if count != sources.len() as u64 || part != 0 {
            let part = part.saturating_add(1);
            return Err(CheckpointError::OnePart { part, count });
        }
        for (file, source) in (1..).zip(others) {
            let part = Gguf::read(*source).await;
            gguf.add_part(part.map_err(|error| error.of_file(names[file]))?, file)?;
        }
        let mut factors = RopeFactors::default();
        for (name, slot) in [
            ("rope_freqs.weight", &mut factors.all),
            ("rope_factors_short.weight", &mut factors.short),
            ("rope_factors_long.weight", &mut factors.long),
        ] {
            if let Some(info) = gguf.tensor(name) {
                *slot = Some(read_vector(sources[info.file], info).await?);
            }
        }
        let config = Config::from_gguf(&gguf, &factors)?;
        let tensors = gguf
            .tensors()
            .map(|info| (info.name.clone(), info.clone()))
            .collect();
        Ok(Self {
            config,
            gguf: Some(gguf),
            sources,
            tensors,
            prefix: "",
        })
    }

    async fn open_folder(
        files: &'f ModelFiles<S>,
        chosen: &[&str],
    ) -> Result<Self, CheckpointError> {
        let missing = |name: &str| CheckpointError::Missing(name.to_owned());
        let text = files.read_small("config.json").await?;
        let config = Config::from_json(&text.ok_or_else(|| missing("config.json"))?)?;
        let index = match files.read_small(INDEX).await? {
            // A single file of weights needs no index; the folder may still contain a stale one.
            Some(text) if !chosen.contains(&"model.safetensors") => {
                Some(safetensors::read_index(&text)?)
            }
            _ => None,
        };
        if let Some(index) = &index {
            for shard in index.values() {
                if files.get(shard).is_none() {
                    return Err(missing(&format!("shard {shard}, which its index names")));
                }
            }
        }
        let named: BTreeSet<&str> = match &index {
            Some(index) => index.values().map(String::as_str).collect(),
            None => chosen
                .iter()
                .copied()
                .filter(|name| name.ends_with(".safetensors"))
                .collect(),
        };
        let mut sources = Vec::new();
        let mut tensors = BTreeMap::new();
        for name in named {
            let source = files.get(name).ok_or_else(|| missing(name))?;
            let directory = safetensors::read(source, sources.len(), name).await;
            for mut info in directory.map_err(|error| error.of_file(name))? {
                info.name = text_model_name(info.name);
                if let Some(twin) = tensors.insert(info.name.clone(), info) {
                    return Err(twin.wrong("appears twice"));
                }
            }
            sources.push(source);
        }
        if let Some(lost) = index
            .iter()
            .flatten()
            .find(|(name, _)| !tensors.contains_key(&text_model_name((*name).clone())))
        {
            return Err(missing(&format!("tensor {} in {}", lost.0, lost.1)));
        }
        let names = config.architecture.names();
        let embedding = |prefix: &str| format!("{prefix}{}.weight", names.embed_tokens);
        let head = format!("{}.weight", names.lm_head);
        // Tied weights may be saved under either name.
        let has_embedding = [names.prefix, ""]
            .map(embedding)
            .iter()
            .any(|name| tensors.contains_key(name));
        if config.tie_word_embeddings
            && !has_embedding
            && let Some(mut info) = tensors.remove(&head)
        {
            let name = embedding(names.prefix);
            info.name.clone_from(&name);
            tensors.insert(name, info);
        }
        let prefix = match tensors.contains_key(&embedding("")) {
            true => "",
            false => names.prefix,
        };
        Ok(Self {
            config,
            gguf: None,
            sources,
            tensors,
            prefix,
        })
    }

    /// The names of the tensors.
    #[must_use]
    pub fn names(&self) -> &'static Names {
        match self.gguf {
            Some(_) => self.config.architecture.gguf_names(),
            None => self.config.architecture.names(),
        }
    }

    /// The prefix of all names but the output head's.
    #[must_use]
    pub fn prefix(&self) -> &'static str {
        self.prefix
    }

    /// Whether rows of queries and keys are in llama.cpp's interleaved order.
    #[must_use]
    pub fn interleaves_heads(&self) -> bool {
        self.gguf.is_some() && self.config.architecture == Architecture::Llama
    }

    /// A tensor, by name.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name)
    }

    /// All tensors, in order of name.
    pub fn tensors(&self) -> impl Iterator<Item = &TensorInfo> {
        self.tensors.values()
    }

    /// The file that contains a tensor.
    #[must_use]
    pub fn source(&self, info: &TensorInfo) -> &'f S {
        self.sources[info.file]
    }
}

/// The name of a tensor of a model's text part, as in a model that is nothing else. Models that also see call it
/// `language_model.model.…`, or, since transformers 5, `model.language_model.…`.
fn text_model_name(name: String) -> String {
    match (
        name.strip_prefix("language_model."),
        name.strip_prefix("model.language_model."),
    ) {
        (Some(rest), _) => rest.to_owned(),
        (_, Some(rest)) => format!("model.{rest}"),
        _ => name,
    }
}

/// Reads all values of a small tensor.
pub async fn read_vector<S: ByteSource>(
    source: &S,
    info: &TensorInfo,
) -> Result<Vec<f32>, CheckpointError> {
    const MOST: u64 = 64 << 20;
    if info.bytes > MOST {
        return Err(info.wrong("is too large for a vector"));
    }
    let kind = info.kind()?;
    let bytes = source.read(info.offset..info.offset + info.bytes).await?;
    Ok(kind.dequantize(&bytes))
}

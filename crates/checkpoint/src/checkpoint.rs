//! A parsed model: its configuration, and where each tensor is stored.

use std::collections::BTreeMap;

use crate::architecture::{Architecture, Names};
use crate::config::RopeFactors;
use crate::files::choose;
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
            [gguf] if gguf.ends_with(".gguf") => Self::open_gguf(files, gguf).await,
            _ => Self::open_folder(files, &chosen).await,
        }
    }

    async fn open_gguf(files: &'f ModelFiles<S>, name: &str) -> Result<Self, CheckpointError> {
        let source = files.get(name).ok_or(CheckpointError::NoModel)?;
        let gguf = Gguf::read(source).await?;
        let mut factors = RopeFactors::default();
        for (name, slot) in [
            ("rope_freqs.weight", &mut factors.all),
            ("rope_factors_short.weight", &mut factors.short),
            ("rope_factors_long.weight", &mut factors.long),
        ] {
            if let Some(info) = gguf.tensor(name) {
                *slot = Some(read_vector(source, info).await?);
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
            sources: vec![source],
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
        let index = match files.read_small("model.safetensors.index.json").await? {
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
        let mut sources = Vec::new();
        let mut tensors = BTreeMap::new();
        for name in chosen.iter().filter(|name| name.ends_with(".safetensors")) {
            if index
                .as_ref()
                .is_some_and(|index| !index.values().any(|file| file == name))
            {
                continue; // A stale file that is not in the index.
            }
            let source = files.get(name).ok_or_else(|| missing(name))?;
            let directory = safetensors::read(source, sources.len(), name).await;
            for info in directory.map_err(|error| error.of_file(name))? {
                if let Some(twin) = tensors.insert(info.name.clone(), info) {
                    return Err(twin.wrong("appears twice"));
                }
            }
            sources.push(source);
        }
        if let Some(lost) = index
            .iter()
            .flatten()
            .find(|(name, _)| !tensors.contains_key(*name))
        {
            return Err(missing(&format!("tensor {} in {}", lost.0, lost.1)));
        }
        let names = config.architecture.names();
        let embedding = format!("{}.weight", names.embed_tokens);
        let prefix = if tensors.contains_key(&embedding) {
            ""
        } else {
            names.prefix
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

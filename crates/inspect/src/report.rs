use std::collections::BTreeMap;

use vitrine_checkpoint::source::ByteSource;
use vitrine_checkpoint::{
    Checkpoint, Config, KvDtype, ModelFiles, Module, Quantization, Rope, RopeScaling, module_tree,
};
use vitrine_protocol::{
    AttentionReport, FormatShare, KvCacheReport, ModelReport, ModuleNode, RopeReport,
    TokenizerReport,
};

use crate::InspectError;
use crate::vocabulary::{Vocabulary, read_vocabulary};

/// How a model would be loaded, as far as its report depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct InspectOptions {
    /// Limit on the context, in tokens; `None` for the longest.
    pub context: Option<u32>,
    /// Data type of the KV cache.
    pub kv_dtype: KvDtype,
    /// Whether float weights are quantised.
    pub quantization: Quantization,
}

/// The report of a model's files as loaded with these options.
///
/// # Errors
/// When the files are damaged, not supported or unreadable.
pub async fn inspect_files<S: ByteSource>(
    files: &ModelFiles<S>,
    options: &InspectOptions,
) -> Result<ModelReport, InspectError> {
    let checkpoint = Checkpoint::open(files).await?;
    let vocab_size = checkpoint.config.vocab_size;
    let vocabulary = read_vocabulary(files, checkpoint.gguf.as_ref(), vocab_size).await?;
    inspect_checkpoint(&checkpoint, &vocabulary, options)
}

/// The report of files that are open.
///
/// # Errors
/// When such a model cannot be loaded with these options.
pub fn inspect_checkpoint<S: ByteSource>(
    checkpoint: &Checkpoint<'_, S>,
    vocabulary: &Vocabulary,
    options: &InspectOptions,
) -> Result<ModelReport, InspectError> {
    let mut report = inspect_config(&checkpoint.config, options)?;
    let mut formats = BTreeMap::<&str, FormatShare>::new();
    for tensor in checkpoint.tensors() {
        let share = formats
            .entry(&tensor.type_name)
            .or_insert_with(|| FormatShare {
                format: tensor.type_name.clone(),
                tensors: 0,
                weights: 0,
                bytes: 0,
            });
        share.tensors += 1;
        share.weights += tensor.elements()?;
        share.bytes += tensor.bytes;
    }
    report.formats = formats.into_values().collect();
    report.tokenizer = vocabulary
        .tokenizer
        .as_ref()
        .map(|tokenizer| TokenizerReport {
            tokens: tokenizer.vocab_size() as u32,
            bos_token_id: tokenizer.bos_id(),
            eos_token_id: tokenizer.eos_id(),
            has_chat_template: vocabulary.chat_template.is_some(),
        });
    Ok(report)
}

/// The report of a config.json, with the size of the KV cache for `context` tokens; `None` for the longest context.
///
/// # Errors
/// When it is not the configuration of a supported model.
pub fn inspect_json(json: &str, context: Option<u32>) -> Result<ModelReport, InspectError> {
    let config = Config::from_json(json.as_bytes())?;
    let options = InspectOptions {
        context,
        ..InspectOptions::default()
    };
    inspect_config(&config, &options)
}

/// The report of a configuration without files.
///
/// # Errors
/// When such a model cannot be loaded with these options.
pub fn inspect_config(
    config: &Config,
    options: &InspectOptions,
) -> Result<ModelReport, InspectError> {
    options.kv_dtype.check(config)?;
    let modules = module_tree(config, options.quantization);
    let context = options.context.unwrap_or(config.max_position_embeddings);
    let kv_dtype = options.kv_dtype;
    let bytes_per_token = kv_dtype.bytes_per_token(config);
    let (heads, kv_heads) = (config.num_attention_heads, config.num_key_value_heads);
    let kind = match kv_heads {
        _ if kv_heads == heads => "MHA",
        1 => "MQA",
        _ => "GQA",
    };
    let windows = config.layers.iter().map(|layer| layer.sliding_window);
    let ropes = config.ropes.iter().enumerate();
    Ok(ModelReport {
        class: config.architecture.class().to_owned(),
        parameters: modules.parameters(),
        modules: node(&modules),
        formats: Vec::new(),
        kv_cache: KvCacheReport {
            layers: config.num_hidden_layers(),
            kv_heads,
            head_dim: config.head_dim,
            value_bytes: kv_dtype.value_bytes(),
            scale_bytes: kv_dtype.scale_bytes(),
            bytes_per_token,
            context,
            context_bytes: bytes_per_token * u64::from(context),
        },
        attention: AttentionReport {
            heads,
            kv_heads,
            group: heads / kv_heads,
            kind: kind.to_owned(),
            sliding_windows: windows.collect(),
        },
        ropes: ropes
            .map(|(index, rope)| rope_report(config, index, rope))
            .collect(),
        max_position_embeddings: config.max_position_embeddings,
        tokenizer: None,
    })
}

fn node(module: &Module) -> ModuleNode {
    ModuleNode {
        name: module.name.clone(),
        description: module.description.clone(),
        shape: module.shape.clone(),
        count: module.count,
        parameters: module.parameters(),
        children: module.children.iter().map(node).collect(),
    }
}

/// The report of rotary embedding `index` of a configuration.
#[must_use]
pub fn rope_report(config: &Config, index: usize, rope: &Rope) -> RopeReport {
    let layers = (0..).zip(&config.layers);
    let turning = layers.filter(|(_, layer)| layer.rope == index);
    RopeReport {
        theta: rope.theta,
        dim: rope.dim,
        scaling: scaling(&rope.scaling),
        attention_factor: rope.attention_factor,
        layers: turning.map(|(number, _)| number).collect(),
    }
}

fn scaling(scaling: &RopeScaling) -> String {
    match scaling {
        RopeScaling::None => "default".to_owned(),
        RopeScaling::Linear { factor } => format!("linear, factor {factor}"),
        RopeScaling::Dynamic { factor, original } => {
            format!("dynamic, factor {factor} beyond {original} positions")
        }
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original,
        } => format!(
            "llama3, factor {factor} for wavelengths above {original} / {low_freq_factor}, none \
             below {original} / {high_freq_factor}"
        ),
        RopeScaling::LongRope { original, .. } => {
            format!("longrope, long factors beyond {original} positions")
        }
        RopeScaling::Factors(_) => "a factor for each frequency".to_owned(),
    }
}

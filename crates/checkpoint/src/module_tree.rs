//! The module tree of a model, as `print(model)` shows it in transformers 5.

use crate::architecture::Architecture;
use crate::config::Norm;
use crate::{Activation, Config, Quantization};

/// A module with its children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name in the parent: `self_attn`, or `0-31` for a run of equal layers.
    pub name: String,
    /// `Linear(in_features=3072, out_features=9216, bias=False)`; only the class if it has children.
    pub description: String,
    /// The shape of its weight; `None` without a weight.
    pub shape: Option<Vec<u32>>,
    /// Its own parameters, without those of its children.
    pub own_parameters: u64,
    /// The number of equal modules that this one represents.
    pub count: u32,
    /// Its child modules.
    pub children: Vec<Module>,
}

impl Module {
    fn new(name: &str, description: &str, children: Vec<Self>) -> Self {
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            shape: None,
            own_parameters: 0,
            count: 1,
            children,
        }
    }

    fn with_weight(name: &str, description: String, shape: Vec<u32>, bias: u32) -> Self {
        let weights: u64 = shape.iter().map(|n| u64::from(*n)).product();
        Self {
            shape: Some(shape),
            own_parameters: weights + u64::from(bias),
            ..Self::new(name, &description, Vec::new())
        }
    }

    /// Parameters of the module and its descendants; a tied output head counts once.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let inside: u64 = self.children.iter().map(Self::parameters).sum();
        u64::from(self.count) * (self.own_parameters + inside)
    }
}

/// The tree of a configuration, with `QLinear` where weights are quantised during loading.
#[must_use]
pub fn module_tree(config: &Config, quantization: Quantization) -> Module {
    let tree = Tree {
        config,
        quantization,
    };
    if config.architecture == Architecture::Gpt2 {
        tree.gpt2()
    } else {
        tree.llama_family()
    }
}

impl Config {
    /// The number of parameters, including norms and biases; a tied output head counts once.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        module_tree(self, Quantization::default()).parameters()
    }
}

struct Tree<'a> {
    config: &'a Config,
    quantization: Quantization,
}

impl Tree<'_> {
    /// The prefix of class names such as `DecoderLayer`, `MLP` and `RMSNorm`.
    fn family(&self) -> &'static str {
        let class = self.config.architecture.class();
        class.strip_suffix("ForCausalLM").unwrap_or(class)
    }

    fn llama_family(&self) -> Module {
        use Architecture::{Gemma3, Phi3};
        let config = self.config;
        let family = self.family();
        let (hidden, vocab) = (config.hidden_size, config.vocab_size);
        let gemma = config.architecture == Gemma3;
        let embedding = if gemma {
            "Gemma3TextScaledWordEmbedding"
        } else {
            "Embedding"
        };
        let model = if gemma {
            "Gemma3TextModel".to_owned()
        } else {
            format!("{family}Model")
        };
        let mut layer = vec![self.attention(), self.mlp()];
        layer.push(self.rms_norm("input_layernorm", hidden));
        layer.push(self.rms_norm("post_attention_layernorm", hidden));
        if config.post_norms {
            layer.push(self.rms_norm("pre_feedforward_layernorm", hidden));
            layer.push(self.rms_norm("post_feedforward_layernorm", hidden));
        }
        if config.architecture == Phi3 {
            layer.push(dropout("resid_attn_dropout"));
            layer.push(dropout("resid_mlp_dropout"));
        }
        let layers = self.layers("layers", &format!("{family}DecoderLayer"), layer);
        let inner = vec![
            self.embedding("embed_tokens", embedding, vocab),
            layers,
            self.rms_norm("norm", hidden),
            Module::new(
                "rotary_emb",
                &format!("{family}RotaryEmbedding()"),
                Vec::new(),
            ),
        ];
        let children = vec![Module::new("model", &model, inner), self.lm_head()];
        Module::new("", config.architecture.class(), children)
    }

    fn attention(&self) -> Module {
        let config = self.config;
        let hidden = config.hidden_size;
        let q = config.num_attention_heads * config.head_dim;
        let kv = config.num_key_value_heads * config.head_dim;
        let (bias, o_bias) = (config.bias.qkv, config.bias.o);
        let mut inside = if config.architecture == Architecture::Phi3 {
            vec![
                self.linear("o_proj", q, hidden, o_bias),
                self.linear("qkv_proj", hidden, q + 2 * kv, bias),
            ]
        } else {
            vec![
                self.linear("q_proj", hidden, q, bias),
                self.linear("k_proj", hidden, kv, bias),
                self.linear("v_proj", hidden, kv, bias),
                self.linear("o_proj", q, hidden, o_bias),
            ]
        };
        if config.qk_norm {
            inside.push(self.rms_norm("q_norm", config.head_dim));
            inside.push(self.rms_norm("k_norm", config.head_dim));
        }
        Module::new("self_attn", &format!("{}Attention", self.family()), inside)
    }

    fn mlp(&self) -> Module {
        let (hidden, middle) = (self.config.hidden_size, self.config.intermediate_size);
        let bias = self.config.bias.mlp;
        let fused = self.config.architecture == Architecture::Phi3;
        let act = if fused { "activation_fn" } else { "act_fn" };
        let mut inside = if fused {
            vec![self.linear("gate_up_proj", hidden, 2 * middle, bias)]
        } else {
            vec![
                self.linear("gate_proj", hidden, middle, bias),
                self.linear("up_proj", hidden, middle, bias),
            ]
        };
        inside.push(self.linear("down_proj", middle, hidden, bias));
        inside.push(self.activation(act));
        Module::new("mlp", &format!("{}MLP", self.family()), inside)
    }

    fn gpt2(&self) -> Module {
        let config = self.config;
        let (hidden, middle) = (config.hidden_size, config.intermediate_size);
        let attention = vec![
            self.conv1d("c_attn", hidden, 3 * hidden),
            self.conv1d("c_proj", hidden, hidden),
            dropout("attn_dropout"),
            dropout("resid_dropout"),
        ];
        let mlp = vec![
            self.conv1d("c_fc", hidden, middle),
            self.conv1d("c_proj", middle, hidden),
            self.activation("act"),
            dropout("dropout"),
        ];
        let block = vec![
            self.layer_norm("ln_1"),
            Module::new("attn", "GPT2Attention", attention),
            self.layer_norm("ln_2"),
            Module::new("mlp", "GPT2MLP", mlp),
        ];
        let inner = vec![
            self.embedding("wte", "Embedding", config.vocab_size),
            self.embedding("wpe", "Embedding", config.max_position_embeddings),
            dropout("drop"),
            self.layers("h", "GPT2Block", block),
            self.layer_norm("ln_f"),
        ];
        let children = vec![
            Module::new("transformer", "GPT2Model", inner),
            self.lm_head(),
        ];
        Module::new("", config.architecture.class(), children)
    }

    fn layers(&self, name: &str, class: &str, inside: Vec<Module>) -> Module {
        let count = self.config.num_hidden_layers();
        let run = match count {
            1 => "0".to_owned(),
            count => format!("0-{}", count - 1),
        };
        let layer = Module {
            count,
            ..Module::new(&run, class, inside)
        };
        Module::new(name, "ModuleList", vec![layer])
    }

    fn embedding(&self, name: &str, class: &str, rows: u32) -> Module {
        let hidden = self.config.hidden_size;
        let padding = match self.config.pad_token_id {
            Some(id) if name == "embed_tokens" => format!(", padding_idx={id}"),
            _ => String::new(),
        };
        let description = format!("{class}({rows}, {hidden}{padding})");
        Module::with_weight(name, description, vec![rows, hidden], 0)
    }

    fn lm_head(&self) -> Module {
        let (hidden, vocab) = (self.config.hidden_size, self.config.vocab_size);
        let class = if self.quantization.projections.is_some() && self.quantization.tables {
            "QLinear"
        } else {
            "Linear"
        };
        let description =
            format!("{class}(in_features={hidden}, out_features={vocab}, bias=False)");
        let mut head = Module::with_weight("lm_head", description, vec![vocab, hidden], 0);
        if self.config.tie_word_embeddings {
            head.own_parameters = 0;
        }
        head
    }

    fn linear(&self, name: &str, input: u32, output: u32, bias: bool) -> Module {
        let class = match self.quantization.projections {
            Some(_) => "QLinear",
            None => "Linear",
        };
        let has_bias = if bias { "True" } else { "False" };
        let description =
            format!("{class}(in_features={input}, out_features={output}, bias={has_bias})");
        let bias = if bias { output } else { 0 };
        Module::with_weight(name, description, vec![output, input], bias)
    }

    fn conv1d(&self, name: &str, input: u32, output: u32) -> Module {
        let description = format!("Conv1D(nf={output}, nx={input})");
        Module::with_weight(name, description, vec![input, output], output)
    }

    fn rms_norm(&self, name: &str, n: u32) -> Module {
        debug_assert_eq!(self.config.norm, Norm::Rms);
        let eps = python_float(self.config.norm_eps);
        let description = format!("{}RMSNorm(({n},), eps={eps})", self.family());
        Module::with_weight(name, description, vec![n], 0)
    }

    fn layer_norm(&self, name: &str) -> Module {
        let n = self.config.hidden_size;
        let eps = python_float(self.config.norm_eps);
        let description =
            format!("LayerNorm(({n},), eps={eps}, elementwise_affine=True, bias=True)");
        Module::with_weight(name, description, vec![n], n)
    }

    fn activation(&self, name: &str) -> Module {
        let class = match (self.config.hidden_act, self.config.architecture) {
            (Activation::Silu, _) => "SiLUActivation()",
            (Activation::GeluTanh, Architecture::Gpt2) => "NewGELUActivation()",
            (Activation::GeluTanh, _) => "GELUTanh()",
            (Activation::Gelu, _) => "GELUActivation()",
            (Activation::Relu, _) => "ReLU()",
        };
        Module::new(name, class, Vec::new())
    }
}

/// A dropout module, which does nothing in inference.
fn dropout(name: &str) -> Module {
    Module::new(name, "Dropout(p=0.0, inplace=False)", Vec::new())
}

/// Formats a float as Python does: 1e-05, 0.001.
fn python_float(value: f32) -> String {
    // The shortest digits that round to this f32.
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) if exponent < -4 => format!("{digits}e-{:02}", -exponent),
            _ => format!("{value}"),
        },
        None => text,
    }
}

"""The small models that `make_architectures.py` makes: one entry for each way of writing a model."""

from collections.abc import Callable
from dataclasses import dataclass, field

import checkpoints

# Sizes of the issue's own example, for the models whose size is the point.
ODD = dict(
    hidden_size=144,
    num_attention_heads=9,
    num_key_value_heads=3,
    intermediate_size=200,
    vocab_size=1003,
    max_position_embeddings=128,
)
# Heads of 16 in a hidden size that is no multiple of 32.
SMALL = dict(
    hidden_size=80,
    num_attention_heads=5,
    num_key_value_heads=5,
    intermediate_size=90,
    vocab_size=331,
    max_position_embeddings=128,
)
LONG_FACTORS = [1.0 + 0.7 * i for i in range(24)]
SHORT_FACTORS = [1.0 + 0.06 * i for i in range(24)]


def longrope(pairs):
    """A `rope_scaling` of long RoPE for that many rotated pairs of a head."""
    return {
        "type": "longrope",
        "short_factor": SHORT_FACTORS[:pairs],
        "long_factor": LONG_FACTORS[:pairs],
    }


@dataclass
class Variant:
    """A model, how it is stored, and what it is asked.

    `config` are the keys that matter; the rest is transformers' default. `old` gives the keys in
    which the style before transformers 5 differs. `controls` are changes of config.json that must
    be felt.
    """

    architecture: str
    config: dict
    lengths: dict = field(default_factory=lambda: {1: 8, 5: 8, 37: 8})
    dtype: str = "bfloat16"
    old: dict | None = None
    old_first: bool = False
    shard: str | None = None
    embedding_scale: float | None = None
    controls: list = field(default_factory=list)
    seed: int = 0
    # Changes the tensors of model.safetensors.
    checkpoint: Callable | None = None
    # Changes of config.json that transformers does not heed.
    alike: list = field(default_factory=list)
    # For GGUF files: the types of the matrices in turn, and keys that are left out.
    gguf_types: tuple = ()
    gguf_without: tuple = ()


VARIANTS = {
    "llama": Variant(
        "LlamaForCausalLM",
        dict(ODD, num_hidden_layers=2, rms_norm_eps=1e-5),
        shard="400KB",
        old=dict(rope_theta=10000.0, rope_scaling=None),
        controls=[
            {"rope_parameters": {"rope_theta": 500.0, "rope_type": "default"}},
            {"rms_norm_eps": 0.1},
        ],
        alike=[{"sliding_window": 3}, {"pretraining_tp": 2}],
    ),
    "llama-mqa": Variant(
        "LlamaForCausalLM",
        dict(
            SMALL,
            num_key_value_heads=1,
            num_hidden_layers=1,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 500000.0},
        ),
        dtype="float32",
        old=dict(rope_theta=500000.0, rope_scaling=None),
        old_first=True,
        controls=[{"rope_theta": 100.0}],
    ),
    "llama-bias": Variant(
        "LlamaForCausalLM",
        dict(
            SMALL,
            hidden_size=64,
            num_attention_heads=4,
            num_key_value_heads=4,
            head_dim=24,
            num_hidden_layers=2,
            attention_bias=True,
            mlp_bias=True,
        ),
        dtype="float16",
        old=dict(rope_theta=10000.0),
        controls=[{"rms_norm_eps": 0.1}],
    ),
    "llama-linear": Variant(
        "LlamaForCausalLM",
        dict(
            SMALL,
            num_hidden_layers=2,
            rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0},
        ),
        old=dict(rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 4.0}),
        old_first=True,
        controls=[{"rope_scaling": {"type": "linear", "factor": 2.0}}, {"rope_scaling": None}],
    ),
    "llama-dynamic": Variant(
        "LlamaForCausalLM",
        dict(
            SMALL,
            num_hidden_layers=2,
            max_position_embeddings=32,
            rope_parameters={"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0},
        ),
        lengths={5: 8, 27: 12, 32: 8, 33: 8, 61: 8},
        old=dict(rope_theta=10000.0, rope_scaling={"type": "dynamic", "factor": 4.0}),
        controls=[
            {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 8.0}},
        ],
    ),
    "llama-llama3": Variant(
        "LlamaForCausalLM",
        dict(
            SMALL,
            hidden_size=96,
            num_attention_heads=3,
            num_key_value_heads=1,
            num_hidden_layers=2,
            tie_word_embeddings=True,
            max_position_embeddings=512,
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 500000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        ),
        lengths={1: 8, 37: 8, 90: 8},
        old=dict(
            rope_theta=500000.0,
            rope_scaling={
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        ),
        old_first=True,
        controls=[{"rope_scaling": None}],
    ),
    "mistral": Variant(
        "MistralForCausalLM",
        dict(
            SMALL,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            num_hidden_layers=3,
            sliding_window=9,
        ),
        lengths={1: 8, 5: 12, 9: 8, 37: 8, 60: 8},
        old=dict(rope_theta=10000.0),
        old_first=True,
        controls=[{"sliding_window": 10}, {"sliding_window": 8}, {"sliding_window": None}],
    ),
    "mistral-full": Variant(
        "MistralForCausalLM",
        dict(
            SMALL,
            num_hidden_layers=2,
            sliding_window=None,
            rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        ),
        dtype="float16",
        old=dict(rope_theta=1000000.0),
        controls=[{"sliding_window": 9}],
    ),
    "phi3": Variant(
        "Phi3ForCausalLM",
        dict(ODD, vocab_size=503, num_hidden_layers=2, sliding_window=2047),
        old=dict(rope_theta=10000.0, rope_scaling=None),
        controls=[{"rms_norm_eps": 0.1}, {"sliding_window": 9}],
    ),
    "phi3-window": Variant(
        "Phi3ForCausalLM",
        dict(
            hidden_size=192,
            num_attention_heads=2,
            num_key_value_heads=2,
            intermediate_size=90,
            vocab_size=320,
            max_position_embeddings=128,
            num_hidden_layers=1,
            sliding_window=17,
        ),
        lengths={1: 8, 13: 8, 17: 8, 37: 8, 60: 8},
        old=dict(rope_theta=10000.0, rope_scaling=None),
        old_first=True,
        controls=[{"sliding_window": None}, {"sliding_window": 18}, {"sliding_window": 16}],
    ),
    "phi3-longrope": Variant(
        "Phi3ForCausalLM",
        dict(
            SMALL,
            num_hidden_layers=3,
            original_max_position_embeddings=32,
            rope_parameters=dict(longrope(8), rope_type="longrope", rope_theta=10000.0),
        ),
        lengths={5: 8, 27: 12, 32: 8, 33: 8, 61: 8},
        old=dict(rope_theta=10000.0, rope_scaling=longrope(8)),
        old_first=True,
        controls=[
            {"rope_scaling": None},
            {"max_position_embeddings": 64},
            {"original_max_position_embeddings": 64},
        ],
    ),
    "phi3-longrope-partial": Variant(
        "Phi3ForCausalLM",
        dict(
            SMALL,
            hidden_size=96,
            num_attention_heads=3,
            num_key_value_heads=1,
            num_hidden_layers=2,
            tie_word_embeddings=True,
            original_max_position_embeddings=32,
            sliding_window=100,
            rope_parameters=dict(
                longrope(12),
                rope_type="longrope",
                rope_theta=10000.0,
                partial_rotary_factor=0.75,
            ),
        ),
        lengths={1: 8, 27: 12, 31: 8, 61: 8},
        old=dict(rope_theta=10000.0, rope_scaling=longrope(12), partial_rotary_factor=0.75),
        controls=[{"max_position_embeddings": 64}],
    ),
    "phi3-longrope-window": Variant(
        "Phi3ForCausalLM",
        dict(
            SMALL,
            num_key_value_heads=1,
            num_hidden_layers=2,
            original_max_position_embeddings=32,
            sliding_window=11,
            rope_parameters=dict(longrope(8), rope_type="longrope", rope_theta=10000.0),
        ),
        lengths={5: 12, 27: 12, 61: 8},
        old=dict(rope_theta=10000.0, rope_scaling=longrope(8)),
        old_first=True,
        controls=[{"sliding_window": None}],
    ),
    "qwen2": Variant(
        "Qwen2ForCausalLM",
        dict(
            ODD,
            vocab_size=211,
            num_hidden_layers=2,
            tie_word_embeddings=True,
            use_sliding_window=False,
            sliding_window=4,
            max_window_layers=1,
            rms_norm_eps=1e-6,
            rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        ),
        old=dict(rope_theta=1000000.0, sliding_window=4),
        old_first=True,
        controls=[{"use_sliding_window": True}, {"rope_theta": 100.0}],
    ),
    "qwen2-window": Variant(
        "Qwen2ForCausalLM",
        dict(
            SMALL,
            num_hidden_layers=4,
            use_sliding_window=True,
            sliding_window=11,
            max_window_layers=2,
        ),
        lengths={1: 8, 7: 8, 37: 8, 60: 8},
        old=dict(rope_theta=10000.0),
        controls=[{"sliding_window": 12}, {"layer_types": ["full_attention"] * 4}],
    ),
    "qwen3": Variant(
        "Qwen3ForCausalLM",
        dict(
            SMALL,
            num_attention_heads=6,
            num_key_value_heads=2,
            head_dim=32,
            num_hidden_layers=3,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        ),
        old=dict(rope_theta=1000000.0, rope_scaling=None),
        controls=[{"rms_norm_eps": 0.1}],
    ),
    "qwen3-window": Variant(
        "Qwen3ForCausalLM",
        dict(
            SMALL,
            num_key_value_heads=1,
            head_dim=24,
            num_hidden_layers=3,
            attention_bias=True,
            use_sliding_window=True,
            sliding_window=10,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
        lengths={1: 8, 7: 8, 37: 8},
        old=dict(
            rope_theta=10000.0,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
        old_first=True,
        controls=[{"sliding_window": 11}],
    ),
    "gemma3": Variant(
        "Gemma3ForCausalLM",
        dict(
            SMALL,
            hidden_size=64,
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=24,
            num_hidden_layers=7,
            sliding_window=8,
            query_pre_attn_scalar=40,
            rope_parameters={
                "full_attention": {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
            },
        ),
        lengths={1: 8, 5: 8, 8: 8, 37: 8, 60: 8},
        old=dict(
            rope_theta=1000000.0,
            rope_local_base_freq=10000.0,
            rope_scaling={"factor": 8.0, "rope_type": "linear"},
            sliding_window_pattern=6,
        ),
        controls=[{"query_pre_attn_scalar": 24}, {"sliding_window": 9}, {"layer_types": ["sliding_attention"] * 7}],
    ),
    "gemma3-old": Variant(
        "Gemma3ForCausalLM",
        dict(
            SMALL,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            num_hidden_layers=4,
            sliding_window=11,
            query_pre_attn_scalar=32,
            layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
        ),
        lengths={1: 8, 7: 8, 37: 8},
        old=dict(
            rope_theta=1000000.0,
            rope_local_base_freq=10000.0,
            rope_scaling=None,
            sliding_window_pattern=3,
        ),
        old_first=True,
        controls=[
            {"rope_local_base_freq": 1000000.0},
            {"rope_theta": 10000.0},
            {"sliding_window_pattern": 2},
        ],
    ),
    "gemma3-softcap": Variant(
        "Gemma3ForCausalLM",
        dict(
            SMALL,
            hidden_size=64,
            num_attention_heads=2,
            num_key_value_heads=2,
            head_dim=16,
            num_hidden_layers=2,
            sliding_window=100,
            query_pre_attn_scalar=16,
            attention_bias=True,
            final_logit_softcapping=0.5,
        ),
        lengths={1: 8, 37: 8},
        controls=[{"final_logit_softcapping": None}, {"rms_norm_eps": 0.1}],
        alike=[{"attn_logit_softcapping": 0.5}],
    ),
    "gpt2": Variant(
        "GPT2LMHeadModel",
        dict(n_embd=80, n_head=5, n_layer=2, n_positions=64, vocab_size=211),
        lengths={1: 8, 5: 8, 37: 8, 55: 8},
        dtype="float32",
        controls=[{"layer_norm_epsilon": 0.1}, {"activation_function": "relu"}],
    ),
    "gpt2-scaled": Variant(
        "GPT2LMHeadModel",
        dict(
            n_embd=148,
            n_head=37,
            n_layer=2,
            n_inner=90,
            n_positions=128,
            vocab_size=211,
            scale_attn_by_inverse_layer_idx=True,
            tie_word_embeddings=False,
        ),
        dtype="float16",
        controls=[{"scale_attn_by_inverse_layer_idx": False}, {"scale_attn_weights": False}],
        alike=[{"reorder_and_upcast_attn": True}],
    ),
}
VARIANTS |= {
    # Nothing is even: rows that end within a word, heads of 18, an odd vocabulary.
    "llama-odd": Variant(
        "LlamaForCausalLM",
        dict(
            SMALL,
            hidden_size=54,
            num_attention_heads=3,
            num_key_value_heads=1,
            intermediate_size=91,
            vocab_size=333,
            num_hidden_layers=2,
        ),
        old=dict(rope_theta=10000.0),
        controls=[{"rms_norm_eps": 0.1}],
    ),
    "llama-old": Variant(
        "LlamaForCausalLM",
        dict(SMALL, num_hidden_layers=2, rms_norm_eps=1e-5),
        dtype="float16",
        old=dict(rope_theta=10000.0, rope_scaling=None),
        old_first=True,
        checkpoint=checkpoints.old_llama,
        controls=[{"rope_theta": 500.0}],
    ),
    "llama-gelu": Variant(
        "LlamaForCausalLM",
        dict(SMALL, num_hidden_layers=1, hidden_act="gelu_pytorch_tanh"),
        controls=[{"hidden_act": "silu"}, {"hidden_act": "relu"}],
    ),
    "qwen2-head": Variant(
        "Qwen2ForCausalLM",
        dict(SMALL, num_hidden_layers=1, tie_word_embeddings=True),
        checkpoint=checkpoints.head_too,
        controls=[{"rms_norm_eps": 0.1}],
    ),
    "gpt2-hub": Variant(
        "GPT2LMHeadModel",
        dict(n_embd=64, n_head=4, n_layer=2, n_positions=48, vocab_size=211),
        checkpoint=checkpoints.gpt2_without_prefix,
        controls=[{"layer_norm_epsilon": 0.1}],
    ),
    # Prompts of more tokens than one pass computes.
    "mistral-long": Variant(
        "MistralForCausalLM",
        dict(
            hidden_size=32,
            num_attention_heads=2,
            num_key_value_heads=1,
            intermediate_size=48,
            vocab_size=211,
            num_hidden_layers=2,
            max_position_embeddings=1200,
            sliding_window=300,
        ),
        lengths={290: 20, 510: 8, 700: 8},
        old=dict(rope_theta=10000.0),
        controls=[{"sliding_window": None}],
    ),
    "phi3-longrope-long": Variant(
        "Phi3ForCausalLM",
        dict(
            hidden_size=32,
            num_attention_heads=2,
            num_key_value_heads=1,
            intermediate_size=48,
            vocab_size=211,
            num_hidden_layers=2,
            max_position_embeddings=1200,
            original_max_position_embeddings=520,
            rope_parameters=dict(longrope(8), rope_type="longrope", rope_theta=10000.0),
        ),
        lengths={508: 20, 521: 8, 700: 8},
        old=dict(rope_theta=10000.0, rope_scaling=longrope(8)),
        old_first=True,
        controls=[{"max_position_embeddings": 2000}],
    ),
}

# Rows of whole blocks of 32, for Q8_0.
BLOCKS = dict(
    hidden_size=96,
    num_attention_heads=3,
    num_key_value_heads=1,
    intermediate_size=160,
    vocab_size=331,
    max_position_embeddings=128,
)

# Models that are written as GGUF files. Only what llama.cpp's converter writes can be told: no
# window for `llama` and `qwen2`, and the usual pattern of layers for `gemma3`.
GGUF_VARIANTS = {
    "llama": Variant(
        "LlamaForCausalLM",
        dict(BLOCKS, num_hidden_layers=2, attention_bias=True),
        gguf_types=("Q8_0", "F16", "F32"),
    ),
    "llama-linear": Variant(
        "LlamaForCausalLM",
        dict(
            BLOCKS,
            hidden_size=80,
            num_attention_heads=5,
            num_key_value_heads=5,
            intermediate_size=90,
            num_hidden_layers=2,
            rope_parameters={"rope_type": "linear", "rope_theta": 20000.0, "factor": 4.0},
        ),
        gguf_types=("F16",),
    ),
    "llama-llama3": Variant(
        "LlamaForCausalLM",
        dict(
            BLOCKS,
            num_hidden_layers=2,
            tie_word_embeddings=True,
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 500000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        ),
        lengths={1: 8, 37: 8, 90: 8},
        gguf_types=("Q8_0", "F16"),
    ),
    "mistral": Variant(
        "MistralForCausalLM",
        dict(
            BLOCKS,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            num_hidden_layers=2,
            sliding_window=None,
            rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        ),
        gguf_types=("BF16",),
    ),
    "phi3": Variant(
        "Phi3ForCausalLM",
        dict(
            ODD,
            vocab_size=211,
            num_hidden_layers=1,
            sliding_window=None,
            original_max_position_embeddings=128,
        ),
        gguf_types=("F16",),
    ),
    "phi3-window": Variant(
        "Phi3ForCausalLM",
        dict(
            BLOCKS,
            num_key_value_heads=3,
            num_hidden_layers=2,
            sliding_window=17,
            original_max_position_embeddings=128,
        ),
        lengths={1: 8, 13: 8, 37: 8},
        gguf_types=("Q8_0", "F16"),
    ),
    "phi3-longrope": Variant(
        "Phi3ForCausalLM",
        dict(
            BLOCKS,
            num_hidden_layers=2,
            original_max_position_embeddings=32,
            rope_parameters=dict(
                longrope(12),
                rope_type="longrope",
                rope_theta=10000.0,
                partial_rotary_factor=0.75,
            ),
        ),
        lengths={5: 8, 27: 12, 61: 8},
        gguf_types=("Q8_0",),
    ),
    "qwen2": Variant(
        "Qwen2ForCausalLM",
        dict(
            BLOCKS,
            num_hidden_layers=2,
            rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        ),
        gguf_types=("F16", "Q8_0"),
    ),
    "qwen3": Variant(
        "Qwen3ForCausalLM",
        dict(
            BLOCKS,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            num_hidden_layers=2,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        ),
        gguf_types=("Q8_0", "F16"),
    ),
    "gemma3": Variant(
        "Gemma3ForCausalLM",
        dict(
            BLOCKS,
            num_attention_heads=4,
            head_dim=32,
            query_pre_attn_scalar=32,
            num_hidden_layers=7,
            sliding_window=8,
            rope_parameters={
                "full_attention": {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 3000.0},
            },
        ),
        lengths={1: 8, 8: 8, 37: 8},
        gguf_types=("Q8_0",),
    ),
    "gemma3-old": Variant(
        "Gemma3ForCausalLM",
        dict(
            BLOCKS,
            hidden_size=68,
            intermediate_size=90,
            num_attention_heads=2,
            head_dim=24,
            query_pre_attn_scalar=24,
            num_hidden_layers=6,
            sliding_window=8,
            final_logit_softcapping=0.5,
        ),
        lengths={1: 8, 37: 8},
        gguf_types=("F16",),
        gguf_without=("rope.freq_base_swa",),
    ),
    "gpt2": Variant(
        "GPT2LMHeadModel",
        dict(n_embd=80, n_head=5, n_layer=2, n_positions=64, vocab_size=211),
        lengths={1: 8, 37: 8, 55: 8},
        gguf_types=("F16", "F32"),
    ),
}

"""A transformers model in float32 from a GGUF file of any architecture that we run.

Nothing of transformers' own GGUF loader is used: the weights are dequantised with the `gguf`
package and put in place by name.
"""

import gguf
import numpy as np
import torch
import transformers

from gguf_llama import metadata, unpermute

ATTENTION = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
}
MLP = {
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
HEAD_NORMS = {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}
LAYER = {
    "llama": ATTENTION | MLP | NORMS,
    "phi3": {
        "attn_qkv": "self_attn.qkv_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_up": "mlp.gate_up_proj",
        "ffn_down": "mlp.down_proj",
    }
    | NORMS,
    "qwen2": ATTENTION | MLP | NORMS,
    "qwen3": ATTENTION | MLP | NORMS | HEAD_NORMS,
    "gemma3": ATTENTION
    | MLP
    | HEAD_NORMS
    | {
        "attn_norm": "input_layernorm",
        "post_attention_norm": "post_attention_layernorm",
        "ffn_norm": "pre_feedforward_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
    "gpt2": {
        "attn_norm": "ln_1",
        "attn_qkv": "attn.c_attn",
        "attn_output": "attn.c_proj",
        "ffn_norm": "ln_2",
        "ffn_up": "mlp.c_fc",
        "ffn_down": "mlp.c_proj",
    },
}
TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
GPT2_TOP = {
    "token_embd": "transformer.wte",
    "position_embd": "transformer.wpe",
    "output_norm": "transformer.ln_f",
    "output": "lm_head",
}
CLASSES = {
    "llama": "LlamaForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "gemma3": "Gemma3ForCausalLM",
    "gpt2": "GPT2LMHeadModel",
}


class File:
    """A GGUF file's metadata and dequantised tensors."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.reader = reader
        self.architecture = metadata(reader, "general.architecture")
        self.tensors = {tensor.name: tensor for tensor in reader.tensors}

    def get(self, key, default=None):
        """A value under the architecture's prefix."""
        return metadata(self.reader, f"{self.architecture}.{key}", default)

    def tensor(self, name):
        """A tensor's values in float32, or None where there is no such tensor."""
        tensor = self.tensors.get(name)
        if tensor is None:
            return None
        return gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)


def rope_parameters(file, rotated):
    """The rotary embedding, as transformers' config has it."""
    base = {"rope_type": "default", "rope_theta": file.get("rope.freq_base", 10000.0)}
    long = file.tensor("rope_factors_long.weight")
    if long is not None:
        return base | {
            "rope_type": "longrope",
            "long_factor": long.tolist(),
            "short_factor": file.tensor("rope_factors_short.weight").tolist(),
            "attention_factor": file.get("rope.scaling.attn_factor"),
            "original_max_position_embeddings": file.get(
                "rope.scaling.original_context_length"
            ),
            "partial_rotary_factor": rotated,
        }
    if file.architecture == "phi3":
        return base | {"partial_rotary_factor": rotated}
    if file.get("rope.scaling.type") == "linear":
        return base | {"rope_type": "linear", "factor": file.get("rope.scaling.factor")}
    return base


def config_of(file):
    """The transformers configuration that the file's metadata describe."""
    heads, hidden = file.get("attention.head_count"), file.get("embedding_length")
    options = dict(
        vocab_size=int(file.tensors["token_embd.weight"].shape[1]),
        hidden_size=hidden,
        num_hidden_layers=file.get("block_count"),
        num_attention_heads=heads,
        max_position_embeddings=file.get("context_length"),
        tie_word_embeddings="output.weight" not in file.tensors,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    if file.architecture == "gpt2":
        options.update(
            n_inner=file.get("feed_forward_length"),
            layer_norm_epsilon=file.get("attention.layer_norm_epsilon"),
        )
    else:
        head_dim = file.get("attention.key_length", hidden // heads)
        window = file.get("attention.sliding_window") or None
        rope = rope_parameters(file, file.get("rope.dimension_count", head_dim) / head_dim)
        options.update(
            intermediate_size=file.get("feed_forward_length"),
            num_key_value_heads=file.get("attention.head_count_kv", heads),
            head_dim=head_dim,
            rms_norm_eps=file.get("attention.layer_norm_rms_epsilon"),
            rope_parameters=rope,
        )
        if file.architecture == "phi3":
            options.update(
                sliding_window=window,
                original_max_position_embeddings=file.get(
                    "rope.scaling.original_context_length"
                ),
            )
        if file.architecture == "gemma3":
            local = {"rope_type": "default", "rope_theta": file.get("rope.freq_base_swa", 10000.0)}
            options.update(
                # llama.cpp's converter writes neither the pattern nor the scale of the scores.
                sliding_window_pattern=6,
                query_pre_attn_scalar=head_dim,
                sliding_window=window,
                final_logit_softcapping=file.get("final_logit_softcapping"),
                rope_parameters={"full_attention": rope, "sliding_attention": local},
            )
    transformers_class = getattr(transformers, CLASSES[file.architecture])
    return transformers_class, transformers_class.config_class(**options)


def state_of(file, config):
    """The file's tensors under transformers' names, in transformers' order of rows."""
    architecture = file.architecture
    state = {}
    for name in file.tensors:
        if name.startswith("rope_"):
            continue
        data = file.tensor(name)
        if name.startswith("blk."):
            _, layer, kind, end = name.split(".")
            if architecture == "llama" and kind in ("attn_q", "attn_k"):
                query = kind == "attn_q"
                heads = config.num_attention_heads if query else config.num_key_value_heads
                data = unpermute(data.reshape(len(data), -1), heads).reshape(data.shape)
            # GPT-2's matrices stand the other way round in transformers.
            if architecture == "gpt2" and data.ndim == 2:
                data = data.T
            layers = "transformer.h" if architecture == "gpt2" else "model.layers"
            full = f"{layers}.{layer}.{LAYER[architecture][kind]}.{end}"
        else:
            kind, end = name.split(".")
            full = f"{(GPT2_TOP if architecture == 'gpt2' else TOP)[kind]}.{end}"
        if architecture == "gemma3" and "norm" in kind:
            # The converter adds the 1 that transformers adds in the forward pass.
            data = data - 1.0
        state[full] = torch.from_numpy(np.ascontiguousarray(data))
    return state


def load(path):
    """The model of the GGUF file at `path`, in float32, ready to evaluate; and its `File`."""
    file = File(path)
    transformers_class, config = config_of(file)
    config._attn_implementation = "eager"
    state = state_of(file, config)
    if file.architecture == "llama" and any("proj.bias" in name for name in state):
        config.attention_bias = True
        config.mlp_bias = any("mlp" in name and "bias" in name for name in state)
    if config.tie_word_embeddings:
        embedding = "transformer.wte" if file.architecture == "gpt2" else "model.embed_tokens"
        state["lm_head.weight"] = state[f"{embedding}.weight"]
    model = transformers_class(config).to(torch.float32).eval()
    model.load_state_dict(state, strict=True)
    factors = file.tensor("rope_freqs.weight")
    if factors is not None:
        # Llama 3's scaling, as factors that divide the frequencies.
        rotary = model.model.rotary_emb
        rotary.inv_freq.div_(torch.from_numpy(factors))
    return model, file

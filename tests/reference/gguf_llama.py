"""A float32 `LlamaForCausalLM` from a GGUF file of the `llama` architecture.

Nothing of transformers' own GGUF loader is used: the weights are dequantised with the `gguf`
package and put in place by name, so that what the fixtures say is known line by line.
"""

import gguf
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def metadata(reader, key, default=None):
    """A metadata value, or `default` when the file does not have it."""
    field = reader.fields.get(key)
    return default if field is None else field.contents()


def unpermute(weight, heads):
    """Undoes llama.cpp's order of the rows of Q and K.

    llama.cpp rotates neighbouring rows (2i, 2i + 1), transformers rows i and i + head_dim / 2; the
    converter to GGUF reorders the rows of each head, and this is the inverse.
    """
    rows, columns = weight.shape
    return (
        weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
    )


def config_of(reader, tied):
    """The transformers configuration that the file's metadata describe."""
    heads = metadata(reader, "llama.attention.head_count")
    hidden = metadata(reader, "llama.embedding_length")
    config = LlamaConfig(
        vocab_size=int(reader_tensor(reader, "token_embd.weight").shape[1]),
        hidden_size=hidden,
        intermediate_size=metadata(reader, "llama.feed_forward_length"),
        num_hidden_layers=metadata(reader, "llama.block_count"),
        num_attention_heads=heads,
        num_key_value_heads=metadata(reader, "llama.attention.head_count_kv", heads),
        head_dim=metadata(reader, "llama.attention.key_length", hidden // heads),
        max_position_embeddings=metadata(reader, "llama.context_length"),
        rms_norm_eps=metadata(reader, "llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={
            "rope_type": "default",
            "rope_theta": metadata(reader, "llama.rope.freq_base", 10000.0),
        },
        tie_word_embeddings=tied,
        attention_bias=False,
        mlp_bias=False,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    config._attn_implementation = "eager"
    return config


def reader_tensor(reader, name):
    """The tensor of that name."""
    return next(tensor for tensor in reader.tensors if tensor.name == name)


def load(path):
    """The model of the GGUF file at `path`, in float32, ready to evaluate; and its reader."""
    reader = gguf.GGUFReader(path)
    assert metadata(reader, "general.architecture") == "llama"
    names = {tensor.name for tensor in reader.tensors}
    tied = "output.weight" not in names
    assert "rope_freqs.weight" not in names, "scaled RoPE is not part of this reference"
    config = config_of(reader, tied)
    state = {}
    for tensor in reader.tensors:
        data = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if tensor.name == "token_embd.weight":
            state["model.embed_tokens.weight"] = data
        elif tensor.name == "output_norm.weight":
            state["model.norm.weight"] = data
        elif tensor.name == "output.weight":
            state["lm_head.weight"] = data
        else:
            _, layer, kind, _ = tensor.name.split(".")
            if kind == "attn_q":
                data = unpermute(data, config.num_attention_heads)
            elif kind == "attn_k":
                data = unpermute(data, config.num_key_value_heads)
            state[f"model.layers.{layer}.{LAYER_NAMES[kind]}.weight"] = data
    if tied:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model = LlamaForCausalLM(config).to(torch.float32).eval()
    tensors = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in state.items()}
    model.load_state_dict(tensors, strict=True)
    return model, reader


@torch.no_grad()
def greedy(model, prompt_ids, count, stop_ids=()):
    """Greedy continuation with the KV cache.

    Returns the new ids (without a stop id), the stop id that ended them or None, the gap between
    the best two logits at each step (the step that chose the stop id included), and the logits at
    the end of the prompt.
    """
    output = model(torch.tensor([prompt_ids]), use_cache=True)
    first_logits = output.logits[0, -1].clone()
    ids, gaps = [], []
    while True:
        best = output.logits[0, -1].topk(2)
        gaps.append(float(best.values[0] - best.values[1]))
        chosen = int(best.indices[0])
        if chosen in stop_ids:
            return ids, chosen, gaps, first_logits
        ids.append(chosen)
        if len(ids) == count:
            return ids, None, gaps, first_logits
        output = model(
            torch.tensor([[chosen]]), past_key_values=output.past_key_values, use_cache=True
        )

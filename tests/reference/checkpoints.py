"""Weights as people have them, from what `save_pretrained` writes: other names, and more tensors."""

import torch
from safetensors.torch import load_file, save_file


def rewrite(folder, change):
    """Rewrites model.safetensors."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def old_llama(tensors):
    """Norms in F32, and the rotary frequencies that old versions stored for each layer."""
    tensors = {
        name: tensor.float() if "norm" in name else tensor for name, tensor in tensors.items()
    }
    layers = {name.split(".")[2] for name in tensors if ".layers." in name}
    for layer in layers:
        name = f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"
        tensors[name] = torch.ones(8)
    return tensors


def gpt2_without_prefix(tensors):
    """As GPT-2 itself is on the hub: no `transformer.`, and the causal masks as weights."""
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    positions = len(tensors["wpe.weight"])
    for layer in {name.split(".")[1] for name in tensors if name.startswith("h.")}:
        mask = torch.ones(positions, positions).tril().reshape(1, 1, positions, positions)
        tensors[f"h.{layer}.attn.bias"] = mask
        tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-10000.0)
    return tensors


def head_too(tensors):
    """The head beside the embedding that it is tied to."""
    return tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"].clone()}

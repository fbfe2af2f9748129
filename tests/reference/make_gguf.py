#!/usr/bin/env python3
"""Writes small GGUF files of every architecture, and what transformers says about them.

usage: make_gguf.py [OUTPUT_FOLDER [NAME...]]

The files follow llama.cpp's converter: its names, its keys, its order of rows, what it adds to
Gemma's norms and how it writes scaled rotary embeddings. They have no tokenizer. The reference is
what `gguf_models.py` reads back from the file.
"""

import itertools
import math
import sys
from importlib.metadata import version
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as Type

import gguf_models
from fixture_files import write_json, write_safetensors
from small_models import check_weights, create, sequence
from variants import GGUF_VARIANTS

ARCHITECTURES = {name: key for key, name in gguf_models.CLASSES.items()}
ARCHITECTURES["MistralForCausalLM"] = "llama"


class Writer:
    """A GGUF file in the making; its keys stand under the architecture."""

    def __init__(self, path, architecture, variant):
        self.file = gguf.GGUFWriter(path, architecture)
        self.prefix = architecture
        self.without = variant.gguf_without
        self.types = itertools.cycle(Type[name] for name in variant.gguf_types)

    def keys(self, **values):
        """Keys with `__` for a dot; integers as u32 and others as f32. None is left out."""
        for name, value in values.items():
            name = name.replace("__", ".")
            full = f"{self.prefix}.{name}"
            if value is None or name in self.without:
                continue
            if isinstance(value, str):
                self.file.add_string(full, value)
            elif isinstance(value, int):
                self.file.add_uint32(full, value)
            else:
                self.file.add_float32(full, value)

    def tensor(self, name, values):
        """Vectors in F32, matrices in the next type."""
        values = values.detach().float().numpy()
        kind = Type.F32 if values.ndim == 1 else next(self.types)
        data = gguf.quants.quantize(np.ascontiguousarray(values), kind)
        self.file.add_tensor(name, data, raw_dtype=kind)

    def close(self):
        """Writes it all."""
        self.file.write_header_to_file()
        self.file.write_kv_data_to_file()
        self.file.write_tensors_to_file()
        self.file.close()


def permute(values, heads):
    """llama.cpp's order of the rows of Q and K; the inverse of `gguf_llama.unpermute`."""
    rows = len(values)
    halves = values.reshape(heads, 2, rows // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def write_keys(writer, config):
    """The hyperparameters, as the converter of each architecture writes them."""
    if writer.prefix == "gpt2":
        writer.keys(
            block_count=config.n_layer,
            context_length=config.n_positions,
            embedding_length=config.n_embd,
            feed_forward_length=4 * config.n_embd,
            attention__head_count=config.n_head,
            attention__layer_norm_epsilon=config.layer_norm_epsilon,
        )
        return
    writer.keys(
        block_count=config.num_hidden_layers,
        context_length=config.max_position_embeddings,
        embedding_length=config.hidden_size,
        feed_forward_length=config.intermediate_size,
        attention__head_count=config.num_attention_heads,
        attention__head_count_kv=config.num_key_value_heads,
        attention__layer_norm_rms_epsilon=config.rms_norm_eps,
    )
    rope = config.rope_parameters
    head_dim = getattr(config, "head_dim", None)
    if writer.prefix == "phi3":
        rotated = rope.get("partial_rotary_factor", 1.0)
        writer.keys(
            rope__dimension_count=int(rotated * config.hidden_size) // config.num_attention_heads,
            rope__freq_base=rope["rope_theta"],
            rope__scaling__original_context_length=config.original_max_position_embeddings,
            # 0 where there is none.
            attention__sliding_window=config.sliding_window or 0,
        )
        if "long_factor" in rope:
            original = config.original_max_position_embeddings
            scale = config.max_position_embeddings / original
            attention_factor = math.sqrt(1 + math.log(scale) / math.log(original))
            writer.keys(rope__scaling__attn_factor=attention_factor)
            for kind in ("long", "short"):
                factors = torch.tensor(rope[f"{kind}_factor"])
                writer.tensor(f"rope_factors_{kind}.weight", factors)
        return
    if writer.prefix == "gemma3":
        writer.keys(
            attention__sliding_window=config.sliding_window,
            rope__freq_base_swa=rope["sliding_attention"]["rope_theta"],
            final_logit_softcapping=config.final_logit_softcapping,
        )
        rope = rope["full_attention"]
    writer.keys(
        rope__freq_base=rope["rope_theta"],
        # Only where config.json has it: transformers' Qwen 2 does not write it.
        attention__key_length=head_dim,
        attention__value_length=head_dim,
    )
    if rope["rope_type"] == "linear":
        writer.keys(rope__scaling__type="linear", rope__scaling__factor=rope["factor"])
    if writer.prefix == "llama":
        writer.keys(rope__dimension_count=head_dim, vocab_size=config.vocab_size)


def llama3_factors(config):
    """What divides each frequency in Llama 3's scaling (the same formula as in the converter)."""
    rope = config.rope_parameters
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    factors = []
    for i in range(0, config.head_dim, 2):
        turns = rope["original_max_position_embeddings"] / (
            2 * math.pi * rope["rope_theta"] ** (i / config.head_dim)
        )
        smooth = min(max((turns - low) / (high - low), 0.0), 1.0)
        factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return torch.tensor(factors)


def write_tensors(writer, model):
    """The weights under llama.cpp's names."""
    config, architecture = model.config, writer.prefix
    gpt2 = architecture == "gpt2"
    top = gguf_models.GPT2_TOP if gpt2 else gguf_models.TOP
    names = {full: short for short, full in top.items()}
    layers = {full: short for short, full in gguf_models.LAYER[architecture].items()}
    for name, values in model.state_dict().items():
        part, end = name.rsplit(".", 1)
        if part == "lm_head" and config.tie_word_embeddings:
            continue
        if part in names:
            short = names[part]
        else:
            _, _, layer, kind = part.split(".", 3)
            short = f"blk.{layer}.{layers[kind]}"
        if architecture == "llama" and short.endswith(("attn_q", "attn_k")):
            query = short.endswith("attn_q")
            heads = config.num_attention_heads if query else config.num_key_value_heads
            values = permute(values, heads)
        if architecture == "gemma3" and "norm" in short:
            values = values + 1.0
        if gpt2 and values.ndim == 2 and short.startswith("blk."):
            values = values.T
        writer.tensor(f"{short}.{end}", values)
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") == "llama3":
        writer.tensor("rope_freqs.weight", llama3_factors(config))


def make(folder, name, variant):
    """One file with its references."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.gguf"
    written = create(name, variant)
    writer = Writer(path, ARCHITECTURES[variant.architecture], variant)
    write_keys(writer, written.config)
    write_tensors(writer, written)
    writer.close()
    model, file = gguf_models.load(path)
    sequences, tensors = [], {}
    for length, count in variant.lengths.items():
        document, logits = sequence(model, length, count, variant.seed * 100 + length)
        sequences.append(document)
        tensors[document["name"]] = logits
    last = sequences[-1]
    check_weights(model, last["prompt_ids"], tensors[last["name"]])
    write_json(
        folder / "golden.json",
        {
            "made_with": {each: version(each) for each in ["transformers", "torch", "gguf"]},
            "types": sorted({tensor.tensor_type.name for tensor in file.tensors.values()}),
            "sequences": sequences,
        },
    )
    write_safetensors(folder / "logits.safetensors", tensors)
    gap = min(min(each["gaps"]) for each in sequences)
    print(f"{name}: {path.stat().st_size >> 10} KiB, smallest gap {gap:.4f}", file=sys.stderr)


def main():
    """All variants, or those on the command line."""
    default = Path(__file__).parent.parent / "fixtures" / "gguf"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for name in sys.argv[2:] or GGUF_VARIANTS:
        make(folder / name, name, GGUF_VARIANTS[name])


if __name__ == "__main__":
    transformers.utils.logging.set_verbosity_error()
    torch.set_grad_enabled(False)
    main()

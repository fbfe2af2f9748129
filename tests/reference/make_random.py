#!/usr/bin/env python3
"""Writes small GGUF files of random weights, and what transformers says about them.

usage: make_random.py [OUTPUT_FOLDER]

`random-llama` has odd sizes, F32 and F16 matrices and an output head of its own;
`random-quantized` has one KV head, matrices in Q8_0, Q4_0 and Q4_1, and tied embeddings. Neither
has a tokenizer.
"""

import itertools
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type

import gguf_llama
from fixture_files import write_json, write_safetensors

NEW_TOKENS = 8
LENGTHS = [1, 37]


@dataclass
class Shape:
    """The sizes of a model, and the types of its matrices."""

    seed: int
    hidden: int
    heads: int
    kv_heads: int
    intermediate: int
    vocabulary: int
    layers: int
    types: dict
    other_types: list
    embedding_type: Type
    embedding_scale: float
    tied: bool
    rope_base: float


SHAPES = {
    "random-llama": Shape(
        seed=1,
        hidden=144,
        heads=9,
        kv_heads=3,
        intermediate=200,
        vocabulary=1003,
        layers=3,
        types={"attn_k": Type.F32},
        other_types=[Type.F16],
        embedding_type=Type.F16,
        embedding_scale=1.0,
        tied=False,
        rope_base=10000.0,
    ),
    "random-quantized": Shape(
        seed=2,
        hidden=160,
        heads=5,
        kv_heads=1,
        intermediate=224,
        vocabulary=997,
        layers=3,
        types={},
        other_types=[Type.Q8_0, Type.Q4_0, Type.Q4_1],
        embedding_type=Type.Q8_0,
        # Small, so that the last token is not always its own most likely successor.
        embedding_scale=0.1,
        tied=True,
        rope_base=500000.0,
    ),
}


def write_model(path, shape):
    """Writes the GGUF file; rows of Q and K are random, so their order needs no change here."""
    random = np.random.default_rng(shape.seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(path.parent.name)
    writer.add_context_length(128)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.intermediate)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_rope_dimension_count(shape.hidden // shape.heads)
    writer.add_vocab_size(shape.vocabulary)

    def add(name, values, kind):
        values = values.astype(np.float32)
        data = gguf.quants.quantize(values, kind)
        writer.add_tensor(name, data, raw_dtype=kind)

    turn = itertools.cycle(shape.other_types)

    def matrix(name, rows, columns, kind=None, scale=None):
        if kind is None:
            part = name.split(".")[-2]
            kind = shape.types[part] if part in shape.types else next(turn)
        # Larger than in a trained model, so that attention is not flat and logits are far apart.
        scale = scale or 1.5 / np.sqrt(columns)
        add(name, random.standard_normal((rows, columns)) * scale, kind)

    def norm(name):
        add(name, 1.0 + 0.3 * random.standard_normal(shape.hidden), Type.F32)

    kv = shape.hidden // shape.heads * shape.kv_heads
    embedding = shape.embedding_type, shape.embedding_scale
    matrix("token_embd.weight", shape.vocabulary, shape.hidden, *embedding)
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        norm(f"{block}.attn_norm.weight")
        matrix(f"{block}.attn_q.weight", shape.hidden, shape.hidden)
        matrix(f"{block}.attn_k.weight", kv, shape.hidden)
        matrix(f"{block}.attn_v.weight", kv, shape.hidden)
        matrix(f"{block}.attn_output.weight", shape.hidden, shape.hidden)
        norm(f"{block}.ffn_norm.weight")
        matrix(f"{block}.ffn_gate.weight", shape.intermediate, shape.hidden)
        matrix(f"{block}.ffn_up.weight", shape.intermediate, shape.hidden)
        matrix(f"{block}.ffn_down.weight", shape.hidden, shape.intermediate)
    norm("output_norm.weight")
    if not shape.tied:
        matrix("output.weight", shape.vocabulary, shape.hidden, Type.F16, 0.25)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def expectation(model, shape, length):
    """A sequence of that length with its continuation, and the logits at its end.

    Of many random sequences the one whose continuation is least in doubt, and does not go round in
    a small circle.
    """
    random = np.random.default_rng(shape.seed * 1000 + length)
    best = None
    for _ in range(40):
        ids = [int(id) for id in random.integers(0, shape.vocabulary, length)]
        new_ids, _, gaps, logits = gguf_llama.greedy(model, ids, NEW_TOKENS)
        if len(set(new_ids)) < NEW_TOKENS // 2:
            continue
        if best is None or min(gaps) > min(best[1]["gaps"]):
            best = logits, {
                "name": f"length_{length}",
                "prompt_ids": ids,
                "new_ids": new_ids,
                "gaps": [round(gap, 5) for gap in gaps],
            }
    return best


def main():
    """Both models, in the folder on the command line."""
    default = Path(__file__).parent.parent / "fixtures"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for name, shape in SHAPES.items():
        path = folder / name / "model.gguf"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_model(path, shape)
        model, reader = gguf_llama.load(path)
        sequences, tensors = [], {}
        for length in LENGTHS:
            logits, sequence = expectation(model, shape, length)
            sequences.append(sequence)
            tensors[sequence["name"]] = logits
            print(
                f"{name}, {length} ids: smallest gap {min(sequence['gaps']):.4f},"
                f" logits up to {float(logits.abs().max()):.2f}",
                file=sys.stderr,
            )
        document = {
            "made_with": {
                package: version(package) for package in ["transformers", "torch", "gguf"]
            },
            "types": sorted({tensor.tensor_type.name for tensor in reader.tensors}),
            "sequences": sequences,
        }
        write_json(path.parent / "golden.json", document)
        write_safetensors(path.parent / "logits.safetensors", tensors)


if __name__ == "__main__":
    torch.manual_seed(0)
    main()

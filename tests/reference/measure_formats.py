#!/usr/bin/env python3
"""Measures what each number format costs a real model: the error table of `docs/formats.md`.

usage: measure_formats.py VITRINE MODEL.gguf LIBRARY FOLDER

VITRINE is the built program, MODEL.gguf SmolLM2 in Q4_1, LIBRARY a shared library with ggml in it,
for its quantisers (the extension module in PyPI's `xllamacpp` is one), and FOLDER a place for files
of altogether 3 GB.

The weights of the file lie on the grid of Q4_1, so that another rounding to that grid would cost
nothing. Full precision is therefore a model that the file can be the rounding of: each weight is
moved at random by up to half a step of its block. The embedding, which is the output head as well,
stays in 32 bits everywhere; it is the layers that are quantised.
"""

import ctypes
import json
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

TYPES = [
    Type.F16,
    Type.BF16,
    Type.Q8_0,
    Type.Q6_K,
    Type.Q5_K,
    Type.Q5_1,
    Type.Q5_0,
    Type.Q4_K,
    Type.Q4_1,
    Type.Q4_0,
    Type.Q3_K,
    Type.Q2_K,
]
WHILE_LOADING = ["q8", "q4", "q4-128"]


def full_precision(reader):
    """The tensors by name, in float32."""
    random = np.random.default_rng(6)
    tensors = {}
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if tensor.tensor_type == Type.Q4_1:
            scales = tensor.data.reshape(-1, 20)[:, :2].copy().view(np.float16)
            noise = random.uniform(-0.5, 0.5, (len(scales), 32)) * scales.astype(np.float32)
            values += noise.reshape(values.shape).astype(np.float32)
        tensors[tensor.name] = values
    return tensors


def quantizer(library):
    """ggml's quantisation of a matrix to a type: its bytes, row by row."""
    ggml = ctypes.CDLL(str(library))
    ggml.ggml_quantize_chunk.restype = ctypes.c_size_t
    ggml.ggml_quantize_chunk.argtypes = [
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_void_p,
    ]

    def quantize(values, kind):
        rows, columns = values.shape
        values = np.ascontiguousarray(values, dtype=np.float32)
        weights, size = gguf.GGML_QUANT_SIZES[kind]
        data = np.zeros((rows, columns // weights * size), dtype=np.uint8)
        written = ggml.ggml_quantize_chunk(
            kind, values.ctypes.data, data.ctypes.data, 0, rows, columns, None
        )
        assert written == data.size
        return data

    return quantize


def write(path, reader, tensors, kind, chosen, quantize):
    """A GGUF file with the matrices that `chosen` picks by name in that type."""
    writer = gguf.GGUFWriter(path, "llama")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        sub_type = field.types[1] if len(field.types) > 1 else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type)
    for name, values in tensors.items():
        if values.ndim == 2 and chosen(name) and kind != Type.F32:
            writer.add_tensor(name, quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def logits(vitrine, path, prompts, *options):
    """All logits at the end of each prompt, by id."""
    results = []
    for ids in prompts:
        command = [vitrine, "next", "--model", path, "--top", "0", "--json", *options]
        command += ["--ids", ",".join(map(str, ids))]
        answer = subprocess.run(command, check=True, capture_output=True).stdout
        top = json.loads(answer)["top"]
        values = np.zeros(len(top), dtype=np.float64)
        for token in top:
            values[token["id"]] = token["logit"]
        results.append(values)
    return results


def log_softmax(values):
    """Logarithms of the probabilities."""
    values = values - values.max()
    return values - np.log(np.exp(values).sum())


def compare(right, other):
    """Largest difference of a logit, mean KL divergence in nats, and how often the best agrees."""
    largest = max(np.abs(a - b).max() for a, b in zip(right, other))
    divergences = []
    for a, b in zip(right, other):
        a, b = log_softmax(a), log_softmax(b)
        divergences.append(float((np.exp(a) * (a - b)).sum()))
    same = sum(a.argmax() == b.argmax() for a, b in zip(right, other))
    return f"{largest:.4f} | {np.mean(divergences):.6f} | {same} of {len(right)}"


def main():
    """The table, on standard output."""
    vitrine, model, library, folder = sys.argv[1:]
    golden = Path(__file__).parent.parent / "fixtures/smollm2/golden.json"
    document = json.loads(golden.read_text(encoding="utf-8"))
    # Prompts of reasonable length, and the shortest further on.
    short = [prompt for prompt in document["prompts"] if len(prompt["prompt_ids"]) < 100]
    prompts = [prompt["prompt_ids"] for prompt in short]
    prompts += [prompt["prompt_ids"] + prompt["free_ids"] for prompt in short[:2]]
    reader = gguf.GGUFReader(model)
    tensors = full_precision(reader)
    quantize = quantizer(library)
    base = Path(folder) / "F32.gguf"
    write(base, reader, tensors, Type.F32, lambda _: False, quantize)
    right = logits(vitrine, base, prompts)

    def layers(name):
        return name.startswith("blk.")

    def down(name):
        return "ffn_down" in name

    for title, chosen in [("all matrices of the layers", layers), ("down_proj only", down)]:
        print(f"\n{title}\n\n| Format | Max. logit error | KL | Same best |\n|---|---|---|---|")
        for kind in TYPES:
            width = gguf.GGML_QUANT_SIZES[kind][0]
            if any(
                values.shape[1] % width
                for name, values in tensors.items()
                if values.ndim == 2 and chosen(name)
            ):
                continue
            path = Path(folder) / "format.gguf"
            write(path, reader, tensors, kind, chosen, quantize)
            print(f"| {kind.name} | {compare(right, logits(vitrine, path, prompts))} |", flush=True)
        if chosen is layers:
            for name in WHILE_LOADING:
                found = logits(vitrine, base, prompts, "--quantize", name)
                print(f"| `--quantize {name}` | {compare(right, found)} |", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes random blocks of every tensor type, and what the `gguf` package says they mean.

usage: make_formats.py [OUTPUT_FOLDER]

`formats.safetensors` has `TYPE.bytes` (rows, bytes of a row) and `TYPE.values` (rows, 512) for each
type. All bits are random but for the scales of whole blocks: those are what files have (small, of
either sign), and here and there zero, subnormal, or large.
"""

import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type

from fixture_files import write_safetensors

ROWS = 5
COLUMNS = 512

# Where a block has its halves.
HALVES = {
    Type.Q4_0: [0],
    Type.Q4_1: [0, 2],
    Type.Q5_0: [0],
    Type.Q5_1: [0, 2],
    Type.Q8_0: [0],
    Type.Q2_K: [80, 82],
    Type.Q3_K: [108],
    Type.Q4_K: [0, 2],
    Type.Q5_K: [0, 2],
    Type.Q6_K: [208],
}


def scales(random, count):
    """Halves as scales: most of them ordinary."""
    values = random.standard_normal(count) * 10.0 ** random.uniform(-4, 0, count)
    odd = [0.0, 6e-8, -6e-8, 3e-5, -4e-5, 1000.0]
    chosen = random.random(count) < 0.3
    return np.where(chosen, random.choice(odd, count), values).astype(np.float16)


def blocks(random, kind):
    """Rows of random blocks, as bytes."""
    weights, size = gguf.GGML_QUANT_SIZES[kind]
    data = random.integers(0, 256, (ROWS * COLUMNS // weights, size), dtype=np.uint8)
    for at in HALVES[kind]:
        data[:, at : at + 2] = scales(random, len(data)).view(np.uint8).reshape(-1, 2)
    return data.reshape(ROWS, -1)


def floats(random, kind):
    """Rows of random bits that are numbers; halves also subnormal ones."""
    if kind == Type.F16:
        bits = random.integers(0, 1 << 16, (ROWS, COLUMNS), dtype=np.uint16)
        bits[(bits & 0x7C00) == 0x7C00] = 0
        return bits.view(np.uint8)
    if kind == Type.BF16:
        bits = random.integers(0, 1 << 16, (ROWS, COLUMNS), dtype=np.uint16)
        exponents = bits & 0x7F80
        # WGSL may take subnormal f32s for zero.
        bits[(exponents == 0x7F80) | (exponents == 0)] = 0
        return bits.view(np.uint8)
    return (random.standard_normal((ROWS, COLUMNS)).astype(np.float32)).view(np.uint8)


def main():
    """The fixture, in the folder on the command line."""
    default = Path(__file__).parent.parent / "fixtures"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    random = np.random.default_rng(4)
    tensors = {}
    for kind in [Type.F32, Type.F16, Type.BF16, *HALVES]:
        data = blocks(random, kind) if kind in HALVES else floats(random, kind)
        values = gguf.quants.dequantize(data, kind).astype(np.float32)
        assert values.shape == (ROWS, COLUMNS) and np.isfinite(values).all()
        tensors[f"{kind.name}.bytes"] = torch.from_numpy(data.copy())
        tensors[f"{kind.name}.values"] = torch.from_numpy(values)
    write_safetensors(folder / "formats.safetensors", tensors)


if __name__ == "__main__":
    main()

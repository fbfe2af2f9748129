#!/usr/bin/env python3
"""Writes random weights, and what optimum-quanto makes of them.

usage: make_quantized.py [OUTPUT_FOLDER]

`quantized.safetensors` has, for each case, `CASE.weights` (rows, k) in float32 and what quanto's
optimizers and `quantize_weight` choose for a linear layer: `CASE.numbers` (rows, k), `CASE.scales`
(rows, groups) and for 4 bits `CASE.minimums` (rows, groups).
"""

import sys
from pathlib import Path

import torch
from optimum.quanto import AbsmaxOptimizer, MaxOptimizer, qint4, qint8
from optimum.quanto.tensor.weights import quantize_weight

from fixture_files import write_safetensors

ROWS = 6


def weights(columns):
    """Random weights; in one row many lie half-way between two numbers of either quantisation."""
    values = torch.randn(ROWS, columns) * 10 ** torch.linspace(-3, 1, ROWS)[:, None]
    values[1] = torch.randint(-254, 255, (columns,)) / 2
    values[1, ::32] = 127
    values[2] = torch.randint(0, 31, (columns,)) / 2
    values[2, ::32], values[2, 1::32] = 0, 15
    # All of one sign: the minimum is not below zero.
    values[3] = values[3].abs() + 0.5
    return values.to(torch.float32)


def int8(values):
    """As `QLinear` does with `weights=qint8`."""
    scale = AbsmaxOptimizer()(values, qtype=qint8, axis=0)
    quantized = quantize_weight(values, qint8, axis=0, scale=scale)
    return {"weights": values, "numbers": quantized._data, "scales": scale}


def int4(values, group):
    """As `QLinear` does with `weights=qint4`."""
    scale, shift = MaxOptimizer()(values, qtype=qint4, axis=0, group_size=group)
    # What `quantize_weight` calls; its own result is packed two by two.
    numbers = torch.ops.quanto.quantize_affine(
        values, bits=4, axis=0, group_size=group, scale=scale, shift=shift
    )
    return {
        "weights": values,
        "numbers": numbers.reshape(values.shape),
        "scales": scale.reshape(ROWS, -1),
        "minimums": -shift.reshape(ROWS, -1),
    }


def main():
    """The fixture, in the folder on the command line."""
    default = Path(__file__).parent.parent / "fixtures"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    torch.manual_seed(5)
    cases = {
        "q8": int8(weights(320)),
        "q4": int4(weights(320), 32),
        "q4-128": int4(weights(384), 128),
    }
    tensors = {
        f"{case}.{name}": tensor.contiguous()
        for case, parts in cases.items()
        for name, tensor in parts.items()
    }
    write_safetensors(folder / "quantized.safetensors", tensors)


if __name__ == "__main__":
    main()

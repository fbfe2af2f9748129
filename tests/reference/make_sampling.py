#!/usr/bin/env python3
"""Writes logits, settings, and the distributions that transformers' own logits processors make of
them, in the order in which `generate` puts them.

usage: make_sampling.py [OUTPUT_FOLDER]
"""

import itertools
import sys
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from fixture_files import write_json, write_safetensors

SIZE = 307
# Sums of f32 probabilities are this exact at least.
MARGIN = 2e-5


def vectors():
    generator = torch.Generator().manual_seed(7)

    def normal():
        return torch.randn(SIZE, generator=generator)

    peaked = normal() * 2
    peaked[17] = 14.0
    alternating = torch.tensor([1.5, -0.0, 0.0, 4.0] * (SIZE // 4 + 1))[:SIZE].clone()
    return {
        "usual": normal() * 4,
        "flat": normal() * 0.3,
        "peaked": peaked,
        # Many equal logits, also at the thresholds.
        "ties": (normal() * 4).round() / 2,
        "alternating": alternating,
        "equal": torch.full((SIZE,), -3.25),
    }


def settings():
    yield {}
    for temperature in [0.001, 0.1, 0.7, 1.3, 5.0, 1000.0]:
        yield {"temperature": temperature}
    for top_k in [1, 2, 50, 64, 65, 150, 306, 307, 4000]:
        yield {"top_k": top_k}
    for top_p in [0.01, 0.3, 0.5, 0.9, 0.95, 0.999]:
        yield {"top_p": top_p}
    for min_p in [0.0, 0.02, 0.3, 1.0]:
        yield {"min_p": min_p}
    for repetition_penalty in [0.8, 1.1, 2.0]:
        yield {"repetition_penalty": repetition_penalty}
    for temperature, top_k, top_p in itertools.product([0.6, 1.5], [20, 100], [0.7, 0.92]):
        yield {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    yield {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "repetition_penalty": 1.2}
    yield {"temperature": 1.7, "top_p": 0.8, "min_p": 0.1, "repetition_penalty": 1.3}
    yield {"temperature": 2.5, "top_k": 200, "min_p": 0.01}


def kept(scores):
    return int(torch.isfinite(scores).sum())


def near_threshold(scores, top_p):
    """Whether rounding may decide about a token."""
    ordered = scores[0].double().sort().values.softmax(-1)
    # A token of no weight changes nothing.
    off = (ordered.cumsum(-1) - (1 - top_p)).abs()[ordered > MARGIN]
    return bool((off < MARGIN).any())


def main():
    torch.set_num_threads(1)
    config = LlamaConfig(
        vocab_size=SIZE, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=1, num_key_value_heads=1,
    )
    model = LlamaForCausalLM(config)
    context = [3, 17, 17, 40, 255, 256, 270, 306]
    input_ids = torch.tensor([context])
    logits, cases, distributions = vectors(), [], {}
    for (name, vector), setting in itertools.product(logits.items(), settings()):
        generation = GenerationConfig(do_sample=True, **{"top_k": 0, "temperature": 1.0, **setting})
        processors = model._get_logits_processor(generation, input_ids_seq_length=len(context))
        scores, counts, doubtful = vector[None].clone(), {}, False
        for processor in processors:
            if type(processor).__name__ == "TopPLogitsWarper":
                doubtful = near_threshold(scores, setting["top_p"])
            scores = processor(input_ids, scores)
            counts[type(processor).__name__] = kept(scores)
        if doubtful:
            print("left out:", name, setting)
            continue
        key = f"{len(cases)}"
        cases.append({"logits": name, "params": setting, "kept": counts})
        distributions[key] = scores[0].softmax(-1)
    fixtures = Path(__file__).parent.parent / "fixtures" / "sampling"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else fixtures
    folder.mkdir(exist_ok=True)
    write_safetensors(folder / "logits.safetensors", logits)
    write_safetensors(folder / "distributions.safetensors", distributions)
    write_json(folder / "cases.json", {"context": context, "cases": cases})
    print(len(cases), "cases")


main()

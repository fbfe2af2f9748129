#!/usr/bin/env python3
"""Writes what is inside the small models of `architectures`, and what changing it does.

usage: make_inspection.py [--smollm2 MODEL.gguf] [NAME...]

One safetensors file for each model, `inspection/NAME.safetensors`: the tap points of one prompt,
and the logits at its end after each change. The metadata say which rows, prompts and changes.
"""

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
import transformers
from safetensors.torch import save

import bpe_tokenizer
import gguf_llama
from inspection import hooks, intervene, run, trace
from make_architectures import load
from prompts import PROMPTS
from small_models import LEAST_GAP, off
from variants import VARIANTS

FIXTURES = Path(__file__).parent.parent / "fixtures"
# Longer than most windows; and for some long enough to leave them, or the first pass of a prompt.
LENGTH = 12
LENGTHS = {"phi3-window": 20, "mistral-long": 530, "phi3-longrope-long": 530}
# Of the long prompts only these rows are kept.
LONG_ROWS = [0, 299, 300, 511, 512, 529]
CANDIDATES = 6
# Of the default model.
REPEATING = "The cat sat on the mat. The cat sat on the"
ABLATED_HEADS = [(23, 4), (11, 7), (0, 0)]
PATCHED_LAYERS = [0, 12, 23, 24, 29]


def changes(layers, heads, length):
    """What is done to a model: one of each kind, at different layers and heads."""
    last, head = layers - 1, heads - 1
    some = [1, length // 2, length - 1]
    return {
        "head_zero": {"kind": "head", "layer": 0, "head": head, "factor": 0.0, "mean": False},
        "head_mean": {"kind": "head", "layer": last, "head": head // 2, "factor": 0.0, "mean": True},
        "head_half": {"kind": "head", "layer": last, "head": head, "factor": 0.5, "mean": False},
        "skip_attention": {"kind": "skip_attention", "layer": last},
        "skip_mlp": {"kind": "skip_mlp", "layer": 0},
        "steer": {"kind": "steer", "layer": last},
        "patch_residual": {"kind": "patch", "site": "residual", "layer": last, "positions": some},
        "patch_embedding": {"kind": "patch", "site": "residual", "layer": 0, "positions": some[:2]},
        "patch_head": {
            "kind": "patch", "site": "head", "head": head, "layer": last, "positions": some,
        },
        "patch_mlp": {"kind": "patch", "site": "mlp_out", "layer": 0, "positions": some},
    }


def other_values(change, other):
    """What a patch puts in: the activations of another prompt's run, [positions, width]."""
    layer, at = change["layer"], change["positions"]
    if change["site"] == "residual":
        return other[f"hidden_states.{layer}"][at]
    if change["site"] == "mlp_out":
        return other[f"mlp_out.{layer}"][at]
    return other[f"head_out.{layer}"][at, change["head"]]


def kept(name, tensor, rows):
    """The rows of a tap point that are worth their bytes."""
    tap = name.split(".")[0]
    if tap in ("attentions", "q", "k", "v"):
        return tensor[:, rows]
    return tensor[rows[-2:]] if tap == "lens" else tensor[rows]


def try_prompt(model, length, random):
    """Everything about a random prompt, and the least that any change is felt."""
    vocab, config = model.config.vocab_size, model.config
    ids = torch.randint(vocab, (2, length), generator=random).tolist()
    clean, other = (trace(model, each) for each in ids)
    vector = torch.randn(config.hidden_size, generator=random) * clean["hidden_states.0"].std()
    results, felt = {}, []
    documents = changes(config.num_hidden_layers, config.num_attention_heads, length)
    for name, change in documents.items():
        values = other_values(change, other) if change["kind"] == "patch" else None
        with hooks([intervene(model, change, clean, vector, values)]):
            results[f"changed.{name}"] = run(model, ids[0]).logits[0, -1]
        felt.append(off(results[f"changed.{name}"], clean["logits"][-1]))
        if values is not None:
            results[f"values.{name}"] = values
    results["steering_vector"] = vector
    document = {"prompt_ids": ids[0], "other_ids": ids[1], "changes": documents}
    return min(felt), document, clean, results


def make(name):
    """The file of one small model."""
    model = load(FIXTURES / "architectures" / name)
    length = LENGTHS.get(name, LENGTH)
    random = torch.Generator().manual_seed(7 + sum(map(ord, name)))
    tries = [try_prompt(model, length, random) for _ in range(CANDIDATES)]
    felt, document, clean, results = max(tries, key=lambda each: each[0])
    rows = list(range(length)) if length < 100 else LONG_ROWS
    tensors = {name: kept(name, tensor, rows) for name, tensor in clean.items()}
    document = {
        "made_with": {package: version(package) for package in ["transformers", "torch"]},
        "rows": rows,
        "lens_rows": rows[-2:],
        **document,
    }
    write(FIXTURES / "inspection" / f"{name}.safetensors", tensors | results, document)
    warning = "" if felt > LEAST_GAP else "  <- too little"
    print(f"  the least felt change: {felt:.4f}{warning}", file=sys.stderr)


def scores(attention, ids):
    """Entropy, previous token, first token and induction of each head, [heads, 4]."""
    ids, rows = torch.tensor(ids), attention.double()[:, 1:]
    entropy = torch.special.entr(rows).sum(-1).mean(-1)
    previous = torch.diagonal(attention.double(), -1, 1, 2).mean(-1)
    first = rows[:, :, 0].mean(-1)
    # Query i looks at key j, and the token before j is that of i.
    follows = torch.zeros(len(ids), len(ids), dtype=torch.bool)
    follows[:, 1:] = ids[:, None] == ids[None, :-1]
    follows &= torch.ones_like(follows).tril()
    repeated = follows.any(-1)
    induction = (attention.double() * follows).sum(-1)[:, repeated].mean(-1)
    return torch.stack([entropy, previous, first, induction], -1)


def kl(logits, others):
    """KL(logits ‖ others) in nats."""
    p, q = logits.double().log_softmax(-1), others.double().log_softmax(-1)
    return float(torch.nn.functional.kl_div(q, p, log_target=True, reduction="sum"))


def patch_map(model, clean_ids, corrupt_ids):
    """The answers of both prompts, and how much each residual patch restores of the first."""
    clean = trace(model, clean_ids)
    ends = clean["logits"][-1], run(model, corrupt_ids).logits[0, -1]
    answer, against = (int(logits.argmax()) for logits in ends)
    lead = lambda logits: float(logits[answer] - logits[against])
    high, low = map(lead, ends)
    restored = []
    for layer in PATCHED_LAYERS:
        restored.append([])
        for position in range(len(clean_ids)):
            change = {"kind": "patch", "site": "residual", "layer": layer, "positions": [position]}
            values = other_values(change, clean)
            with hooks([intervene(model, change, None, values=values)]):
                patched = lead(run(model, corrupt_ids).logits[0, -1])
            restored[-1].append((patched - low) / (high - low))
    return {"answer": answer, "against": against, "layers": PATCHED_LAYERS, "restored": restored}


def make_smollm2(path):
    """The file of the default model: what the last position sees in each layer, and the measures."""
    model, reader = gguf_llama.load(path)
    model.set_attn_implementation("eager")
    tokenizer = bpe_tokenizer.from_gguf(reader)
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    ids, repeating = encode(PROMPTS["japan"]), encode(REPEATING)
    all_of, repeated = trace(model, ids), trace(model, repeating)
    layers = model.config.num_hidden_layers
    of = lambda tap, count: torch.stack([all_of[f"{tap}.{layer}"] for layer in range(count)])
    lens = of("lens", layers).topk(5)
    logits = all_of["logits"].topk(20)
    tensors = {
        # [layers + 1, hidden], [layers, heads, positions], [layers, positions, 5], [positions, 20]
        "hidden_states": of("hidden_states", layers + 1)[:, -1],
        "attentions": of("attentions", layers)[:, :, -1],
        "lens_logits": lens.values,
        "lens_ids": lens.indices.int(),
        "logits": logits.values,
        "logits_ids": logits.indices.int(),
        # [layers, heads, 4]
        "scores": torch.stack(
            [scores(repeated[f"attentions.{layer}"], repeating) for layer in range(layers)]
        ).float(),
    }
    ablated = []
    for layer, head in ABLATED_HEADS:
        change = {"kind": "head", "layer": layer, "head": head, "factor": 0.0, "mean": False}
        with hooks([intervene(model, change, all_of)]):
            other = run(model, ids).logits[0, -1]
        ablated.append({"layer": layer, "head": head, "kl": kl(all_of["logits"][-1], other)})
    corrupt = encode(PROMPTS["france"])
    document = {
        "model": path.name,
        "prompt_ids": ids,
        "corrupt_ids": corrupt,
        "repeating_ids": repeating,
        "ablated": ablated,
        "patch": patch_map(model, ids, corrupt),
    }
    write(FIXTURES / "inspection" / "smollm2.safetensors", tensors, document)


def write(path, tensors, document):
    """A safetensors file with JSON among its metadata."""
    path.parent.mkdir(exist_ok=True)
    tensors = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    path.write_bytes(save(tensors, {"inspection": json.dumps(document)}))
    print(f"{path.name}: {path.stat().st_size >> 10} KiB", file=sys.stderr)


def main():
    """All small models, or those on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--smollm2", type=Path)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.smollm2 is not None:
        make_smollm2(arguments.smollm2)
    elif not arguments.names:
        arguments.names = list(VARIANTS)
    for name in arguments.names:
        make(name)


if __name__ == "__main__":
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_grad_enabled(False)
    main()

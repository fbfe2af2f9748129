#!/usr/bin/env python3
"""Writes small models of every architecture and variant, and what transformers says about them.

usage: make_architectures.py [OUTPUT_FOLDER [NAME...]]

Each folder is what `save_pretrained` writes, with random weights. The reference loads the folder
as anybody would, in float32: what is compared is the files, not the objects that wrote them.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM

import checkpoints
from fixture_files import write_json, write_safetensors
from small_models import LEAST_GAP, check_weights, create, logits_at_end, off, sequence
from spellings import old_style, read, spellings
from variants import VARIANTS


def write_model(folder, name, variant):
    """The folder as transformers writes it; then, if asked, config.json in the older style.

    Returns the other ways to write config.json.
    """
    model = create(name, variant).to(getattr(torch, variant.dtype))
    model.save_pretrained(folder, max_shard_size=variant.shard or "1GB")
    if variant.checkpoint is not None:
        checkpoints.rewrite(folder, variant.checkpoint)
    new = json.loads((folder / "config.json").read_text())
    old = None if variant.old is None else old_style(new, variant.old, variant.dtype)
    if variant.old_first:
        write_json(folder / "config.json", old)
    return spellings(new, old)


def load(folder, config=None):
    """The folder's model in float32, with another config.json if one is given."""
    options = {}
    if config is not None:
        options["config"] = read(config)
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", **options
    )
    return model.eval()


def make(folder, name, variant):
    """One folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    others = write_model(folder, name, variant)
    model = load(folder)
    sequences, tensors = [], {}
    for length, count in variant.lengths.items():
        document, logits = sequence(model, length, count, variant.seed * 100 + length)
        sequences.append(document)
        tensors[document["name"]] = logits
    longest = sequences[-1]
    right = tensors[longest["name"]]
    check_weights(model, longest["prompt_ids"], right)
    config = json.loads((folder / "config.json").read_text())
    controls = []
    for change in variant.controls:
        other = load(folder, {**config, **change})
        differences = {
            each["name"]: off(logits_at_end(other, each["prompt_ids"]), tensors[each["name"]])
            for each in sequences
        }
        assert max(differences.values()) > LEAST_GAP, (change, differences)
        where = max(differences, key=differences.get)
        controls.append(
            {"change": change, "sequence": where, "difference": round(differences[where], 4)}
        )
    others |= {json.dumps(change): config | change for change in variant.alike}
    for spelling, config in others.items():
        if spelling != "su":
            logits = logits_at_end(load(folder, config), longest["prompt_ids"])
            assert torch.equal(logits, right), spelling
    write_json(
        folder / "golden.json",
        {
            "made_with": {package: version(package) for package in ["transformers", "torch"]},
            # Other ways to write config.json.
            "spellings": others,
            # Changes of config.json, where they are felt most, and how much by transformers.
            "controls": controls,
            "sequences": sequences,
        },
    )
    write_safetensors(folder / "logits.safetensors", tensors)
    size = sum(file.stat().st_size for file in folder.iterdir()) >> 10
    gap = min(min(each["gaps"]) for each in sequences)
    print(f"{name}: {size} KiB, smallest gap {gap:.4f}", file=sys.stderr)


def main():
    """All variants, or those on the command line."""
    default = Path(__file__).parent.parent / "fixtures" / "architectures"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    names = sys.argv[2:] or VARIANTS
    for name in names:
        make(folder / name, name, VARIANTS[name])


if __name__ == "__main__":
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_grad_enabled(False)
    main()

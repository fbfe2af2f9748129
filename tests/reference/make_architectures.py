#!/usr/bin/env python3
"""Writes small models of every architecture and variant, and what transformers says about them.

usage: make_architectures.py [OUTPUT_FOLDER [NAME...]]

Each folder is what `save_pretrained` writes, with random weights. The reference loads the folder
as anybody would, in float32: what is compared is the files, not the objects that wrote them.
"""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

from fixture_files import write_json, write_safetensors
from small_models import LEAST_GAP, check_weights, create, logits_at_end, off, sequence
from variants import VARIANTS

# Keys that older versions did not write.
NEW_KEYS = ["layer_types", "_sliding_window_pattern"]


def write_model(folder, name, variant):
    """The folder as transformers writes it; then, if asked, config.json in the older style."""
    model = create(name, variant).to(getattr(torch, variant.dtype))
    model.save_pretrained(folder, max_shard_size=variant.shard or "1GB")
    if variant.old is None:
        return
    new = json.loads((folder / "config.json").read_text())
    old = {key: value for key, value in new.items() if key not in ("rope_parameters", "dtype")}
    old.update(variant.old, torch_dtype=variant.dtype, transformers_version="4.40.0")
    old = {key: value for key, value in old.items() if value is not None or key not in NEW_KEYS}
    names = ("config.json", "config.new.json") if variant.old_first else ("config.old.json", "config.json")
    write_json(folder / names[0], old)
    write_json(folder / names[1], new)
    if "su" in variant.spellings:
        old["rope_scaling"]["type"] = "su"
        write_json(folder / "config.su.json", old)


def load(folder, config=None):
    """The folder's model in float32, with another config.json if one is given."""
    options = {}
    if config is not None:
        with tempfile.TemporaryDirectory() as other:
            Path(other, "config.json").write_text(json.dumps(config))
            options["config"] = AutoConfig.from_pretrained(other)
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", **options
    )
    return model.eval()


def make(folder, name, variant):
    """One folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    write_model(folder, name, variant)
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
    spellings = sorted(path.name for path in folder.glob("config.*.json"))
    for spelling in spellings:
        config = json.loads((folder / spelling).read_text())
        if spelling == "config.su.json":
            # transformers 5 renames `su` too late to find the original context by itself.
            original = config["original_max_position_embeddings"]
            config["rope_scaling"]["original_max_position_embeddings"] = original
        other = load(folder, config)
        for each in sequences:
            logits = logits_at_end(other, each["prompt_ids"])
            assert torch.equal(logits, tensors[each["name"]]), (spelling, each["name"])
    write_json(
        folder / "golden.json",
        {
            "made_with": {package: version(package) for package in ["transformers", "torch"]},
            # Other files that say the same as config.json.
            "spellings": spellings,
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

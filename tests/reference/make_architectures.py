#!/usr/bin/env python3
"""Writes small models of every architecture and variant, and what transformers says about them.

usage: make_architectures.py [OUTPUT_FOLDER [NAME...]]

Each folder is what `save_pretrained` writes, with random weights. The reference loads the folder
as anybody would, in float32: what is compared is the files, not the objects that wrote them.
"""

import copy
import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

from fixture_files import write_json, write_safetensors
from variants import VARIANTS

CANDIDATES = 48
# Of the largest logit: no token may hang on less, nor may a control be felt less.
LEAST_GAP = 1e-2
# Keys that older versions did not write.
NEW_KEYS = ["layer_types", "_sliding_window_pattern"]


def initialise(model, variant, random):
    """Random weights of such sizes that every one of them is felt."""
    gemma = variant.architecture.startswith("Gemma")
    tied = model.config.tie_word_embeddings
    for name, parameter in model.named_parameters():
        shape = parameter.shape
        values = torch.randn(shape, generator=random)
        kind = name.split(".")[-2]
        if kind in ("embed_tokens", "wte", "wpe"):
            # Small where the head is the same matrix, so that the last token is not always its own
            # most likely successor.
            scale = variant.embedding_scale or (0.1 if tied else 1.0)
            if gemma:
                scale /= model.config.hidden_size**0.5
            if kind == "wpe":
                scale *= 0.5
            values *= scale
        elif kind == "lm_head":
            values *= 0.25
        elif "norm" in kind or kind.startswith("ln_"):
            values = 0.3 * values + (1.0 if name.endswith("weight") and not gemma else 0.0)
        elif name.endswith("bias"):
            values *= 0.3
        else:
            # Larger than in a trained model, so that attention is not flat.
            fan_in = shape[0] if variant.architecture == "GPT2LMHeadModel" else shape[1]
            values *= 1.5 / fan_in**0.5
        parameter.data.copy_(values)


def write_model(folder, name, variant):
    """The folder as transformers writes it; then, if asked, config.json in the older style."""
    transformers_class = getattr(transformers, variant.architecture)
    none = dict(bos_token_id=None, eos_token_id=None, pad_token_id=None)
    config = transformers_class.config_class(**copy.deepcopy(variant.config), **none)
    model = transformers_class(config)
    random = torch.Generator().manual_seed(sum(map(ord, name)) + 1000 * variant.seed)
    initialise(model, variant, random)
    model.to(getattr(torch, variant.dtype)).save_pretrained(
        folder, max_shard_size=variant.shard or "1GB"
    )
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


@torch.no_grad()
def generate(model, ids, count, use_cache=True):
    """New ids and the gaps of the two best logits, both [batch, count]."""
    # Some rotary embeddings remember the longest sequence that they have seen.
    model = copy.deepcopy(model)
    output = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=count,
        min_new_tokens=count,
        do_sample=False,
        use_cache=use_cache,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    logits = torch.stack(output.logits, 1)
    best = logits.topk(2).values
    gaps = (best[..., 0] - best[..., 1]) / logits.abs().amax(-1)
    return output.sequences[:, ids.shape[1] :], gaps


@torch.no_grad()
def logits_at_end(model, ids):
    """The logits after the last of `ids`, by a model that has seen nothing else."""
    return copy.deepcopy(model)(torch.tensor([ids]), use_cache=False).logits[0, -1].clone()


def off(logits, others):
    """The largest difference, relative to the largest logit."""
    return float((logits - others).abs().max() / others.abs().max())


def sequence(model, length, count, seed):
    """A prompt of that length and its continuation, and the logits at its end.

    Of many random prompts the one whose continuation is least in doubt, and does not go round in a
    small circle.
    """
    random = torch.Generator().manual_seed(seed)
    ids = torch.randint(model.config.vocab_size, (CANDIDATES, length), generator=random)
    new, gaps = generate(model, ids, count)
    _, gaps_without = generate(model, ids, count, use_cache=False)
    smallest = torch.minimum(gaps.amin(1), gaps_without.amin(1))
    for row in range(CANDIDATES):
        if len(set(new[row].tolist())) < count // 2:
            smallest[row] = -1.0
    ids = ids[smallest.argmax()][None]
    new, gaps = generate(model, ids, count)
    without, gaps_without = generate(model, ids, count, use_cache=False)
    assert min(gaps.min(), gaps_without.min()) > LEAST_GAP, (length, gaps, gaps_without)
    document = {
        "name": f"length_{length}",
        "prompt_ids": ids[0].tolist(),
        "new_ids": new[0].tolist(),
        "gaps": [round(float(gap), 5) for gap in gaps[0]],
    }
    if not torch.equal(new, without):
        document["new_ids_without_cache"] = without[0].tolist()
    return document, logits_at_end(model, document["prompt_ids"])


def check_weights(model, ids, right):
    """Asserts that each weight is felt at the end of `ids`."""
    for name, parameter in model.named_parameters():
        before = parameter.data.clone()
        parameter.data.copy_(before.roll(1, -1))
        felt = off(logits_at_end(model, ids), right)
        parameter.data.copy_(before)
        # A bias of the keys moves all scores of a query alike when nothing is rotated.
        if felt < LEAST_GAP:
            print(f"  {name} is felt by {felt:.5f} only", file=sys.stderr)


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

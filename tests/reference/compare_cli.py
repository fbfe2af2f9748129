#!/usr/bin/env python3
"""Compares the command line with transformers on models of random sizes and settings.

usage: compare_cli.py PATH/vitrine [COUNT [SEED]]

Nothing is kept. What differs, or is refused, is printed with its config.json.
"""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers

from make_architectures import load
from small_models import create, logits_at_end, off
from variants import Variant

NEW_TOKENS = 6


def rope(choose, pairs, kinds):
    """Random `rope_parameters` of one of those kinds, for heads of that many pairs."""
    kind = choose.choice(kinds)
    base = {"rope_type": kind, "rope_theta": choose.choice([500.0, 10000.0, 1000000.0])}
    if kind in ("linear", "dynamic"):
        base["factor"] = choose.choice([1.5, 2.0, 8.0])
    if kind == "llama3":
        base.update(
            factor=choose.choice([4.0, 32.0]),
            low_freq_factor=1.0,
            high_freq_factor=choose.choice([2.0, 4.0]),
            original_max_position_embeddings=choose.choice([16, 64]),
        )
    if kind == "longrope":
        short = [1.0 + 0.1 * choose.random() for _ in range(pairs)]
        base.update(short_factor=short, long_factor=[2.0 + i for i in range(pairs)])
        base.update({} if choose.random() < 0.7 else {"attention_factor": 1.3})
    return base


def random_variant(choose):
    """A random model: architecture, sizes, settings."""
    name = choose.choice(["Llama", "Mistral", "Phi3", "Qwen2", "Qwen3", "Gemma3", "GPT2"])
    kv_heads = choose.choice([1, 2, 3, 5])
    heads = kv_heads * choose.choice([1, 2, 3, 7])
    head_dim = 2 * choose.randint(2, 24)
    layers = choose.randint(1, 4)
    dtype = choose.choice(["float32", "float16", "bfloat16"])
    shard = choose.choice([None, "30KB", "100KB"])
    if name == "GPT2":
        config = dict(
            n_embd=heads * head_dim,
            n_head=heads,
            n_layer=layers,
            n_inner=choose.choice([None, choose.randint(20, 200)]),
            n_positions=100,
            vocab_size=choose.randint(50, 1200),
            activation_function=choose.choice(["gelu_new", "gelu", "relu", "gelu_pytorch_tanh"]),
            tie_word_embeddings=choose.random() < 0.7,
            scale_attn_by_inverse_layer_idx=choose.random() < 0.3,
        )
        return Variant("GPT2LMHeadModel", config, dtype=dtype, shard=shard)
    own_head_dim = name in ("Llama", "Mistral", "Qwen3", "Gemma3") and choose.random() < 0.6
    if name == "Phi3":
        # Its rotated part must be even.
        head_dim = 8 * choose.randint(1, 12)
    hidden = heads * (2 * choose.randint(2, 16) if own_head_dim else head_dim)
    config = dict(
        hidden_size=hidden,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        intermediate_size=choose.randint(20, 200),
        vocab_size=choose.randint(50, 1200),
        num_hidden_layers=layers,
        max_position_embeddings=128,
        tie_word_embeddings=choose.random() < 0.5,
        rms_norm_eps=choose.choice([1e-6, 1e-5, 1e-3]),
    )
    if own_head_dim or name in ("Qwen3", "Gemma3"):
        config["head_dim"] = head_dim
    # Not 1: transformers then caches all positions (`[-1 + 1 :]`).
    window = choose.choice([2, 3, 7, 16, 33, 200])
    kinds = ["default", "linear", "llama3", "dynamic"]
    if name in ("Llama", "Qwen3"):
        config["attention_bias"] = choose.random() < 0.4
    if name == "Llama":
        config["mlp_bias"] = choose.random() < 0.4
        config["hidden_act"] = choose.choice(["silu", "gelu", "gelu_pytorch_tanh", "relu"])
    if name in ("Mistral", "Phi3"):
        config["sliding_window"] = choose.choice([None, window])
    if name == "Phi3":
        part = choose.choice([1.0, 0.75, 0.5])
        pairs = int(head_dim * part) // 2
        config["original_max_position_embeddings"] = choose.choice([16, 20, 128])
        config["rope_parameters"] = rope(choose, pairs, ["default", "longrope"])
        config["rope_parameters"]["partial_rotary_factor"] = part
    elif name == "Gemma3":
        config.update(
            sliding_window=window,
            query_pre_attn_scalar=choose.choice([head_dim, 50]),
            attention_bias=choose.random() < 0.3,
            final_logit_softcapping=choose.choice([None, 2.0]),
            layer_types=[
                choose.choice(["sliding_attention", "full_attention"]) for _ in range(layers)
            ],
            rope_parameters={
                "full_attention": rope(choose, head_dim // 2, ["default", "linear", "llama3"]),
                "sliding_attention": rope(choose, head_dim // 2, ["default"]),
            },
        )
    else:
        config["rope_parameters"] = rope(choose, head_dim // 2, kinds)
    if name in ("Qwen2", "Qwen3") and choose.random() < 0.6:
        config.update(
            use_sliding_window=True,
            sliding_window=window,
            max_window_layers=choose.randint(0, layers),
        )
    return Variant(f"{name}ForCausalLM", config, dtype=dtype, shard=shard)


def vitrine(binary, command, folder, ids, *options):
    """What the command line says, as JSON."""
    ids = ",".join(map(str, ids))
    arguments = [binary, command, "--model", folder, "--ids", ids, "--json", *options]
    run = subprocess.run(arguments, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr.strip().splitlines()[-1])
    return json.loads(run.stdout)


@torch.no_grad()
def check(binary, folder, variant, choose):
    """Compares logits and tokens; returns the largest difference, relative to the largest logit."""
    model = load(folder)
    longest = 90 if variant.architecture != "GPT2LMHeadModel" else 80
    length = choose.choice([1, 2, 14, 17, choose.randint(3, longest)])
    ids = [choose.randrange(model.config.vocab_size) for _ in range(length)]
    right = logits_at_end(model, ids)
    top = vitrine(binary, "next", folder, ids, "--top", "0")["top"]
    got = torch.zeros_like(right)
    for each in top:
        got[each["id"]] = each["logit"]
    assert len(top) == len(right)
    error = off(got, right)
    assert error < 1e-3, f"{length} ids: off by {error}"
    output = load(folder).generate(
        torch.tensor([ids]),
        attention_mask=torch.ones(1, length, dtype=torch.long),
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        do_sample=False,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    new = output.sequences[0, length:].tolist()
    # Tokens are compared up to the first near tie.
    sure = 0
    for logits in output.logits:
        best = logits[0].topk(2).values
        if best[0] - best[1] < 3e-3 * logits.abs().max():
            break
        sure += 1
    said = vitrine(binary, "generate", folder, ids, "--max-new-tokens", str(NEW_TOKENS))["ids"]
    assert said[:sure] == new[:sure], f"{length} ids: {said} instead of {new}, sure of {sure}"
    return error


def main():
    """As many models as the command line says."""
    binary = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    failures, worst = 0, 0.0
    for number in range(seed, seed + count):
        choose = random.Random(number)
        variant = random_variant(choose)
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            model = create(str(number), variant).to(getattr(torch, variant.dtype))
            model.save_pretrained(folder, max_shard_size=variant.shard or "1GB")
            try:
                worst = max(worst, check(binary, folder, variant, choose))
            except (AssertionError, RuntimeError) as problem:
                failures += 1
                print(f"{number}: {problem}\n  {variant}", flush=True)
    print(f"{count} models, {failures} differ; the others are off by {worst:.1e} at most")
    sys.exit(failures > 0)


if __name__ == "__main__":
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    main()

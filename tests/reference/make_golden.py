#!/usr/bin/env python3
"""Writes golden.json and logits.safetensors: what transformers says about a GGUF file.

usage: make_golden.py MODEL.gguf [OUTPUT_FOLDER]
"""

import hashlib
import sys
from importlib.metadata import version
from pathlib import Path

import torch

import bpe_tokenizer
import chat
import gguf_llama
from fixture_files import write_json, write_safetensors
from prompts import PROMPTS

NEW_TOKENS = 32
TOP = 6


def golden(model, tokenizer, reader, name, prompt):
    """The fixture of one prompt, and the logits at its end."""
    text = prompt
    if isinstance(prompt, list):
        text = chat.render(gguf_llama.metadata(reader, "tokenizer.chat_template"), prompt, True)
    prompt_ids = tokenizer.encode(text, add_special_tokens=False).ids
    stop_ids = {gguf_llama.metadata(reader, "tokenizer.ggml.eos_token_id"), 0}
    free_ids, _, gaps, logits = gguf_llama.greedy(model, prompt_ids, NEW_TOKENS)
    stop_at = next((step for step, id in enumerate(free_ids) if id in stop_ids), None)
    new_ids = free_ids if stop_at is None else free_ids[: stop_at + 1]
    probabilities = torch.softmax(logits.double(), 0)
    top = logits.topk(TOP)
    print(f"{name}: {len(prompt_ids)} ids, smallest gap {min(gaps):.4f}", file=sys.stderr)
    return {
        "name": name,
        "messages": prompt if isinstance(prompt, list) else None,
        "prompt": text,
        "prompt_ids": prompt_ids,
        # The new tokens as transformers' generate gives them: a stop token ends them.
        "new_ids": new_ids,
        "text": tokenizer.decode(new_ids, skip_special_tokens=True),
        "stop_id": None if stop_at is None else free_ids[stop_at],
        # 32 greedy tokens whatever they are.
        "free_ids": free_ids,
        # Best logit minus second best, at each of those 32 steps.
        "gaps": [round(gap, 5) for gap in gaps],
        "top": [
            {
                "id": int(id),
                "token": tokenizer.decode([int(id)], skip_special_tokens=False),
                "logit": float(logits[id]),
                "probability": float(probabilities[id]),
            }
            for id in top.indices
        ],
    }, logits


def main():
    """Everything, for the file and the folder on the command line."""
    path = Path(sys.argv[1])
    default = Path(__file__).parent.parent / "fixtures" / "smollm2"
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else default
    model, reader = gguf_llama.load(path)
    tokenizer = bpe_tokenizer.from_gguf(reader)
    prompts, tensors = [], {}
    for name, prompt in PROMPTS.items():
        fixture, tensors[name] = golden(model, tokenizer, reader, name, prompt)
        prompts.append(fixture)
    document = {
        "model": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "made_with": {
            name: version(name) for name in ["transformers", "torch", "gguf", "tokenizers"]
        },
        "smallest_gap": min(gap for prompt in prompts for gap in prompt["gaps"]),
        "prompts": prompts,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "golden.json", document)
    write_safetensors(folder / "logits.safetensors", tensors)


if __name__ == "__main__":
    main()

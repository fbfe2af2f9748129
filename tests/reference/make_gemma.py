#!/usr/bin/env python3
"""Writes gemma3/golden.json and logits.safetensors: what transformers says about Gemma 3 270M.

usage: make_gemma.py MODEL.gguf [OUTPUT_FOLDER]

What is compared are ids, so that this checks the model and not the tokenizer. Each row of logits has
262,144 values; kept are those of every 64th token and of the 64 best, with their ids.
"""

import hashlib
import sys
from importlib.metadata import version
from pathlib import Path

import torch

import gguf_llama
import gguf_models
from fixture_files import write_json, write_safetensors

NEW_TOKENS = 24
KEPT, EVERY = 64, 64


STORY = (
    "The old lighthouse keeper climbed the stairs every evening and lit the lamp. Then he wrote the"
    " date and the weather in his book, and waited for the ships. "
)
PROMPTS = {
    "fox": "The quick brown fox",
    "france": "The capital of France is the city of",
    "days": "Monday, Tuesday, Wednesday,",
    "numbers": "1, 2, 3, 4, 5, 6,",
    # Past the window of 512.
    "long": STORY * 18 + "The old",
}


def text_of(tokens, ids):
    """What the ids stand for, for people who read the fixture."""
    return "".join(tokens[id] for id in ids).replace("▁", " ")


def ids_of(tokens, text):
    """<bos> and the longest pieces from the left; near enough to what the tokenizer would do."""
    vocabulary = {token: id for id, token in enumerate(tokens)}
    text = text.replace(" ", "▁")
    ids = [vocabulary["<bos>"]]
    while text:
        length = next(size for size in range(16, 0, -1) if text[:size] in vocabulary)
        ids.append(vocabulary[text[:length]])
        text = text[length:]
    return ids


def main():
    """Everything, for the file and the folder on the command line."""
    path = Path(sys.argv[1])
    default = Path(__file__).parent.parent / "fixtures" / "gemma3"
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else default
    folder.mkdir(parents=True, exist_ok=True)
    model, file = gguf_models.load(path)
    tokens = gguf_llama.metadata(file.reader, "tokenizer.ggml.tokens")
    documents, tensors = [], {}
    for name, prompt in PROMPTS.items():
        ids = ids_of(tokens, prompt)
        new_ids, _, gaps, logits = gguf_llama.greedy(model, ids, NEW_TOKENS)
        kept = torch.cat([logits.topk(KEPT).indices, torch.arange(0, len(logits), EVERY)]).unique()
        tensors[f"{name}.ids"] = kept.int()
        tensors[f"{name}.logits"] = logits[kept]
        documents.append(
            {
                "name": name,
                "prompt_ids": ids,
                "new_ids": new_ids,
                "text": text_of(tokens, new_ids),
                "gaps": [round(gap, 5) for gap in gaps],
                "largest": float(logits.abs().max()),
                "logsumexp": float(logits.double().logsumexp(0)),
            }
        )
        print(f"{name}: {len(ids)} ids, smallest gap {min(gaps):.4f}", file=sys.stderr)
    write_json(
        folder / "golden.json",
        {
            "model": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "made_with": {each: version(each) for each in ["transformers", "torch", "gguf"]},
            "smallest_gap": min(gap for each in documents for gap in each["gaps"]),
            "prompts": documents,
        },
    )
    write_safetensors(folder / "logits.safetensors", tensors)


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()

#!/usr/bin/env python3
"""Writes phi3/: Phi-3's tokenizer files, made from the Llama-2 vocabulary, and the ids of tricky
strings by Python's `tokenizers` and by sentencepiece.

usage: make_phi3_tokenizer.py [OUTPUT_FOLDER]
"""

import gzip
import json
import random
import sys
from pathlib import Path

from tokenizers import Tokenizer

import llama2_vocabulary
import sentencepiece_model
from fixture_files import write_json
from make_text_golden import tokens_of
from tricky_strings import SENTENCEPIECE_STRINGS, STRINGS

# (id, text, rstrip, special), as transformers lists them for Phi-3.
ADDED = [
    (0, "<unk>", False, True),
    (1, "<s>", False, True),
    (2, "</s>", True, False),
    (32000, "<|endoftext|>", False, True),
    (32001, "<|assistant|>", True, True),
    (32002, "<|placeholder1|>", True, True),
    (32003, "<|placeholder2|>", True, True),
    (32004, "<|placeholder3|>", True, True),
    (32005, "<|placeholder4|>", True, True),
    (32006, "<|system|>", True, True),
    (32007, "<|end|>", True, True),
    (32008, "<|placeholder5|>", True, True),
    (32009, "<|placeholder6|>", True, True),
    (32010, "<|user|>", True, True),
]

CONFIG = {
    "bos_token": "<s>",
    "eos_token": "<|endoftext|>",
    "unk_token": "<unk>",
    "pad_token": "<|endoftext|>",
}


def tokenizer_json(tokens, merges):
    """The file, in the form that Llama-2's and Phi-3's have."""
    bos = {"id": "<s>", "ids": [1], "tokens": ["<s>"]}
    single = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    pair = single + [
        {"SpecialToken": {"id": "<s>", "type_id": 1}},
        {"Sequence": {"id": "B", "type_id": 1}},
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": id,
                "content": text,
                "single_word": False,
                "lstrip": False,
                "rstrip": rstrip,
                "normalized": False,
                "special": special,
            }
            for id, text, rstrip, special in ADDED
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ],
        },
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": pair,
            "special_tokens": {"<s>": bos},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {token: id for id, token in enumerate(tokens)},
            "merges": [f"{left} {right}" for left, right in merges],
        },
    }


def sentencepiece_of(tokens):
    """Google's own library with Llama-2's scores: by rank, and runs of spaces last."""
    types = [2, 3, 3] + [6] * 256 + [1] * (len(tokens) - 259)
    scores = [0.0] * 259 + [
        -1e9 if len(token) > 1 and set(token) == {"▁"} else -float(rank)
        for rank, token in enumerate(tokens[259:])
    ]
    return sentencepiece_model.build(tokens, scores, types, add_space_prefix=True)


def decodings(tokenizer):
    """Ids in any order: broken characters, spaces at the start, special tokens in between."""
    pick = random.Random(3)
    byte = lambda value: value + 3
    lists = [
        [29871, 29871, 450],
        [1, 450, 2, 450],
        [byte(0xE4), byte(0xBD), byte(0xA0)],
        [byte(0xE4), byte(0xBD), 450],
        [byte(0xFF), byte(0xFE), 32007, byte(0x41)],
        [32010, 450, 32007, 32063, 70000],
        [1001],
        [15987],
        [32010],
        [32011],
    ]
    lists += [[pick.randrange(32011) for _ in range(12)] for _ in range(40)]
    return [
        {
            "ids": ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "decoded_without_special": tokenizer.decode(ids, skip_special_tokens=True),
        }
        for ids in lists
    ]


def main():
    """Everything, in the folder on the command line."""
    default = Path(__file__).parent.parent / "fixtures" / "phi3"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    tokens, merges = llama2_vocabulary.read()
    text = json.dumps(tokenizer_json(tokens, merges), ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    tokenizer = Tokenizer.from_str(text)
    google = sentencepiece_of(tokens)
    added = [text for _, text, _, _ in ADDED]
    strings = []
    for string in STRINGS + SENTENCEPIECE_STRINGS:
        entry = tokens_of(tokenizer, string)
        # Only tokenizer.json knows added tokens in a text, and sentencepiece ends texts at NUL.
        comparable = not any(token in string for token in added)
        if comparable and google.encode(string) != entry["ids"]:
            print("sentencepiece differs:", repr(string)[:60], google.encode(string)[:12], entry["ids"][:12])
        strings.append(entry)
    japan = tokenizer.encode("The capital of Japan is").ids
    assert japan == [1, 450, 7483, 310, 5546, 338], japan
    write_json(folder / "tokens.json", {"strings": strings, "decodings": decodings(tokenizer)})
    write_json(folder / "tokenizer_config.json", CONFIG)


if __name__ == "__main__":
    main()

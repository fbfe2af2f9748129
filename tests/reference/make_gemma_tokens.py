#!/usr/bin/env python3
"""Writes gemma3/tokens.json: ids of tricky strings by sentencepiece, rebuilt from the vocabulary of
a Gemma 3 GGUF file, and by llama.cpp (PyPI `xllamacpp`) where there are control tokens in a text.

Prints where the two differ: llama.cpp does not take `▁▁` in a text for two spaces.

usage: make_gemma_tokens.py MODEL.gguf [OUTPUT_FOLDER]
"""

import json
import sys
import urllib.request
from pathlib import Path

import gguf
import xllamacpp

import sentencepiece_model
from fixture_files import write_json
from gguf_llama import metadata
from tricky_strings import SENTENCEPIECE_STRINGS, STRINGS


def sentencepiece_of(reader):
    """Google's own library on the file's vocabulary."""
    read = lambda name: metadata(reader, f"tokenizer.ggml.{name}")
    add_space = read("add_space_prefix")
    return sentencepiece_model.build(read("tokens"), read("scores"), read("token_type"), add_space)


class LlamaCpp:
    """llama.cpp's server on the file."""

    def __init__(self, path):
        params = xllamacpp.CommonParams()
        params.model.path = path
        params.n_ctx = 64
        params.n_gpu_layers = 0
        self.server = xllamacpp.Server(params)

    def ids(self, text):
        """The ids of a text, with control tokens in it as such."""
        body = {"content": text, "add_special": False, "parse_special": True}
        request = urllib.request.Request(
            self.server.listening_address + "/tokenize",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["tokens"]


def main():
    """All strings, for the file and the folder on the command line."""
    default = Path(__file__).parent.parent / "fixtures" / "gemma3"
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else default
    reader = gguf.GGUFReader(sys.argv[1])
    google, other = sentencepiece_of(reader), LlamaCpp(sys.argv[1])
    tokens, types = (metadata(reader, f"tokenizer.ggml.{name}") for name in ["tokens", "token_type"])
    control = [token for token, kind in zip(tokens, types) if kind == 3]
    entries = []
    for text in STRINGS + SENTENCEPIECE_STRINGS:
        ids = other.ids(text)
        # Sentencepiece does not look for control tokens in a text.
        if not any(token in text for token in control):
            if google.encode(text) != ids:
                print("differ:", repr(text), google.encode(text), ids)
            ids = google.encode(text)
        entries.append({"text": text, "ids": ids})
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "tokens.json", entries)


if __name__ == "__main__":
    main()

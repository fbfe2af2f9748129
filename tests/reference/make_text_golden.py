#!/usr/bin/env python3
"""Writes tokens.json, families.json and chats.json: ids of tricky strings, the ids that the same
vocabulary would give them in other families, and rendered chat templates.

usage: make_text_golden.py MODEL.gguf [OUTPUT_FOLDER]
"""

import sys
from pathlib import Path

import gguf
from jinja2.exceptions import TemplateError

import bpe_tokenizer
import chat
from bpe_tokenizer import FAMILIES
from fixture_files import write_json
from gguf_llama import metadata
from tricky_strings import CONVERSATIONS, STRINGS


def tokens_of(tokenizer, text):
    """The fixture of one string."""
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return {
        "text": text,
        "ids": ids,
        "decoded": tokenizer.decode(ids, skip_special_tokens=False),
        "decoded_without_special": tokenizer.decode(ids, skip_special_tokens=True),
    }


def chat_of(reader, tokenizer, messages, add_generation_prompt):
    """The fixture of one conversation; `text` is null where the template refuses it."""
    tokens = metadata(reader, "tokenizer.ggml.tokens")
    try:
        text = chat.render(
            metadata(reader, "tokenizer.chat_template"),
            messages,
            add_generation_prompt,
            bos_token=tokens[metadata(reader, "tokenizer.ggml.bos_token_id")],
            eos_token=tokens[metadata(reader, "tokenizer.ggml.eos_token_id")],
        )
    except TemplateError:
        text = None
    return {
        "messages": messages,
        "add_generation_prompt": add_generation_prompt,
        "text": text,
        "ids": None if text is None else tokenizer.encode(text, add_special_tokens=False).ids,
    }


def main():
    """Everything, for the file and the folder on the command line."""
    default = Path(__file__).parent.parent / "fixtures" / "smollm2"
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else default
    reader = gguf.GGUFReader(sys.argv[1])
    tokenizer = bpe_tokenizer.from_gguf(reader)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "tokens.json", [tokens_of(tokenizer, text) for text in STRINGS])
    families = {family: bpe_tokenizer.from_gguf(reader, family) for family in FAMILIES}
    ids = {
        family: [tokenizer.encode(text, add_special_tokens=False).ids for text in STRINGS]
        for family, tokenizer in families.items()
    }
    write_json(folder / "families.json", ids)
    chats = [chat_of(reader, tokenizer, *conversation) for conversation in CONVERSATIONS]
    write_json(folder / "chats.json", chats)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes what transformers prints of each architecture's fixture, and its number of parameters.

usage: make_reprs.py
"""

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from fixture_files import write_json

FIXTURES = Path(__file__).parent.parent / "fixtures"


def main():
    """Each model without its weights, in the order of names."""
    found = {}
    for folder in sorted((FIXTURES / "architectures").iterdir()):
        config = AutoConfig.from_pretrained(folder)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
        found[folder.name] = {
            "repr": str(model),
            # A tied output head is the same tensor, and counts once.
            "parameters": sum(p.numel() for p in model.parameters()),
        }
    write_json(FIXTURES / "reprs.json", found)


if __name__ == "__main__":
    main()

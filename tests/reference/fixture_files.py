"""How fixtures are written."""

import json
import re

from safetensors.torch import save


def write_json(path, document):
    """Indented JSON with each list of numbers on one line."""
    text = json.dumps(document, ensure_ascii=False, indent=1)
    text = re.sub(
        r"\[\s*(-?[\d.e+-]+(?:,\s*-?[\d.e+-]+)*)\s*\]",
        lambda numbers: "[" + re.sub(r",\s+", ", ", numbers[1]) + "]",
        text,
    )
    assert json.loads(text) == document
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def write_safetensors(path, tensors):
    """A safetensors file of named tensors."""
    path.write_bytes(save(tensors))

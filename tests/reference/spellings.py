"""Other ways to write a config.json, all of which transformers reads as the same model."""

import copy
import json
import tempfile
from pathlib import Path

from transformers import AutoConfig

# Keys that versions before transformers 5 did not write.
NEW_KEYS = ["rope_parameters", "dtype", "layer_types", "_sliding_window_pattern"]
# They say nothing of the model, or what other keys say as well.
NOT_OF_THE_MODEL = [
    *["architectures", "dtype", "torch_dtype", "transformers_version", "_name_or_path"],
    *["sliding_window_pattern", "_sliding_window_pattern", "partial_rotary_factor", "rope_theta"],
]
KEPT = ["architectures", "model_type", "dtype", "torch_dtype"]


def read(config):
    """The configuration as transformers reads it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps(config))
        return AutoConfig.from_pretrained(folder)


def meaning(config):
    """What transformers makes of it, as far as it is about the model; None if it refuses."""
    try:
        read_back = read(config).to_dict()
    except Exception:  # whatever it is, it is not the same
        return None
    for key in NOT_OF_THE_MODEL:
        read_back.pop(key, None)
    rope = read_back.get("rope_parameters") or {}
    for each in [rope, *rope.values()]:
        if isinstance(each, dict):
            # The older name of `rope_type`.
            each.pop("type", None)
    return read_back


def old_style(new, keys, dtype):
    """As versions before transformers 5 wrote it."""
    old = {key: value for key, value in new.items() if key not in NEW_KEYS}
    return old | keys | {"torch_dtype": dtype, "transformers_version": "4.40.0"}


def minimal(config):
    """Without all that is transformers' default."""
    right = meaning(config)
    for key in sorted(config):
        without = {other: value for other, value in config.items() if other != key}
        if key not in KEPT[:2] and meaning(without) == right:
            config = without
    return config


def with_nulls(config):
    """null wherever transformers takes it for the default."""
    right = meaning(config)
    for key in sorted(config):
        null = config | {key: None}
        if key not in KEPT and meaning(null) == right:
            config = null
    return config


def mixed(new):
    """The base of the rotary embedding beside `rope_parameters`."""
    config = copy.deepcopy(new)
    config["rope_theta"] = config["rope_parameters"].pop("rope_theta")
    return config


def spellings(new, old):
    """name -> config.json, for the configuration of transformers 5 and its older style."""
    found = {"new": new, "minimal": minimal(new), "null": with_nulls(new)}
    if "rope_theta" in new.get("rope_parameters", {}):
        found["mixed"] = mixed(new)
        # Where both say something, `rope_parameters` is right.
        found["both"] = new | {"rope_theta": 77.0}
    if old is not None:
        found["old"] = old
        found["old minimal"] = minimal(old)
        found["old null"] = with_nulls(old)
        if "layer_types" in new:
            # As versions 4.53 to 4.57 wrote it.
            found["layer types"] = old | {"layer_types": new["layer_types"]}
        if old.get("rope_scaling") is None:
            found["default scaling"] = old | {"rope_scaling": {"rope_type": "default"}}
    found["without architectures"] = dict(found["minimal"])
    del found["without architectures"]["architectures"]
    right = meaning(new)
    for name, config in found.items():
        assert meaning(config) == right, (name, config, right)
    if old is not None and "long_factor" in (old.get("rope_scaling") or {}):
        # transformers 5 renames `su` too late to find the original context by itself; what it
        # means, earlier versions say.
        found["su"] = old | {"rope_scaling": old["rope_scaling"] | {"type": "su"}}
    return found

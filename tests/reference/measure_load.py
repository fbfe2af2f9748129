"""How much host memory does loading a large model take?

    python3 tests/reference/measure_load.py --gigabytes 4 -- target/release/vitrine

Writes a Llama in Hugging Face format (16 bits, random weights, several shards) into a temporary
folder, has the given program generate one token with it, and samples the program's memory in
/proc meanwhile (Linux). On a software adapter the weights on the "GPU" are host memory too, so
their bytes are subtracted, and so is what the program takes with a tiny model (driver, shaders).
Needs nothing but Python.
"""

import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MIB = 1 << 20


def llama(hidden, intermediate, vocabulary, layers):
    """The config.json of a Llama, and the shapes of its tensors by name."""
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_attention_heads": hidden // 64,
        "num_key_value_heads": max(1, hidden // 64 // 4),
        "num_hidden_layers": layers,
        "vocab_size": vocabulary,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
    }
    kv = config["num_key_value_heads"] * 64
    shapes = {"model.embed_tokens.weight": [vocabulary, hidden]}
    for layer in range(layers):
        at = f"model.layers.{layer}."
        shapes |= {
            at + "input_layernorm.weight": [hidden],
            at + "self_attn.q_proj.weight": [hidden, hidden],
            at + "self_attn.k_proj.weight": [kv, hidden],
            at + "self_attn.v_proj.weight": [kv, hidden],
            at + "self_attn.o_proj.weight": [hidden, hidden],
            at + "post_attention_layernorm.weight": [hidden],
            at + "mlp.gate_proj.weight": [intermediate, hidden],
            at + "mlp.up_proj.weight": [intermediate, hidden],
            at + "mlp.down_proj.weight": [hidden, intermediate],
        }
    shapes |= {"model.norm.weight": [hidden], "lm_head.weight": [vocabulary, hidden]}
    return config, shapes


def size(shape):
    """Bytes of a tensor in 16 bits."""
    count = 2
    for n in shape:
        count *= n
    return count


def write_shard(path, shapes, dtype, block):
    """One safetensors file whose numbers are `block` again and again."""
    directory, end = {}, 0
    for name, shape in shapes.items():
        directory[name] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [end, end + size(shape)],
        }
        end += size(shape)
    text = json.dumps(directory).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        while end > 0:
            file.write(block[:end])
            end -= len(block)


def write_model(folder, config, shapes, dtype, shard_bytes):
    """A folder in Hugging Face format; gives the bytes of all weights."""
    rng = random.Random(3)
    # bf16 is the upper half of a float32, here cut off.
    pack = {"BF16": lambda x: struct.pack("<f", x)[2:], "F16": lambda x: struct.pack("<e", x)}
    block = b"".join(pack[dtype](rng.gauss(0, 0.02)) for _ in range(MIB // 2))
    shards, used = [{}], 0
    for name, shape in shapes.items():
        if used + size(shape) > shard_bytes and shards[-1]:
            shards.append({})
            used = 0
        shards[-1][name] = shape
        used += size(shape)
    weight_map = {}
    for number, shard in enumerate(shards, 1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        write_shard(folder / file, shard, dtype, block)
        weight_map |= dict.fromkeys(shard, file)
    total = sum(map(size, shapes.values()))
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps(config))
    return total


FIELDS = ["VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem"]


def sample(pid):
    """The memory of a process in bytes, by /proc/PID/status."""
    memory = {}
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return memory
    for line in lines:
        name, _, value = line.partition(":")
        if name in FIELDS:
            memory[name] = int(value.split()[0]) * 1024
    return memory


def run(command, folder):
    """Runs the program; the peak of each field, and its report."""
    arguments = ["generate", "--ids", "1,2,3", "--max-new-tokens", "1", "--json", "--model", str(folder)]
    started = time.time()
    process = subprocess.Popen(command + arguments, stdout=subprocess.PIPE)
    peak = dict.fromkeys(FIELDS, 0)
    while process.poll() is None:
        for name, value in sample(process.pid).items():
            peak[name] = max(peak[name], value)
        time.sleep(0.01)
    if process.returncode != 0:
        sys.exit(f"the program failed with {process.returncode}")
    return peak, json.load(process.stdout), time.time() - started


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--shard-gigabytes", type=float, default=1.5)
    parser.add_argument("--dtype", choices=["BF16", "F16"], default="BF16")
    parser.add_argument("--folder", help="where to write the model; deleted at the end")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    command = [shutil.which(options.command[0]) or options.command[0], *options.command[1:]]

    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        os.mkdir(small)
        os.mkdir(large)
        write_model(small, *llama(256, 512, 1000, 1), options.dtype, MIB)
        shape = (2048, 8192, 65536)
        one = sum(map(size, llama(*shape, 1)[1].values()))
        two = sum(map(size, llama(*shape, 2)[1].values()))
        layers = max(1, round((options.gigabytes * 1e9 - one) / (two - one)) + 1)
        config, shapes = llama(*shape, layers)
        total = write_model(large, config, shapes, options.dtype, options.shard_gigabytes * 1e9)
        largest = max(map(size, shapes.values()))
        base, _, _ = run(command, small)
        peak, report, seconds = run(command, large)

    mib = lambda n: f"{n / MIB:9.1f} MiB"
    print(f"adapter           {report['adapter']}")
    print(f"weights           {mib(total)} in {layers} layers; loaded and run in {seconds:.0f} s")
    print(f"largest tensor    {mib(largest)}")
    for name in FIELDS:
        print(f"peak {name:12} {mib(peak[name])}   (tiny model: {mib(base[name])})")
    allowed = 2 * largest + 256 * MIB
    host = peak["VmHWM"] - total
    print(f"VmHWM - weights   {mib(host)}")
    print(f"… - tiny model    {mib(host - base['VmHWM'])}")
    print(f"allowed           {mib(allowed)}   (twice the largest tensor and 256 MiB)")
    sys.exit(host > allowed)


if __name__ == "__main__":
    main()

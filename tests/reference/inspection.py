"""Reads and changes what is inside a model of transformers, under the names of our tap points."""

import contextlib
import sys

import torch


class Parts:
    """The modules of a causal language model, whatever its family calls them."""

    def __init__(self, model):
        gpt2 = model.config.model_type == "gpt2"
        base = model.transformer if gpt2 else model.model
        self.layers = list(base.h if gpt2 else base.layers)
        self.norm = base.ln_f if gpt2 else base.norm
        self.head = model.lm_head
        self.heads = model.config.num_attention_heads
        self.soft_cap = getattr(model.config, "final_logit_softcapping", None)

    def attention(self, layer):
        """The module `self_attn`."""
        layer = self.layers[layer]
        return layer.attn if hasattr(layer, "attn") else layer.self_attn

    def o_proj(self, layer):
        """What projects the heads' outputs."""
        attention = self.attention(layer)
        return attention.c_proj if hasattr(attention, "c_proj") else attention.o_proj

    def down_proj(self, layer):
        """What projects the MLP's activations."""
        mlp = self.layers[layer].mlp
        return mlp.c_proj if hasattr(mlp, "c_proj") else mlp.down_proj

    def lens(self, hidden):
        """Logits of a residual stream that was not normalised yet."""
        logits = self.head(self.norm(hidden))
        if self.soft_cap is not None:
            logits = torch.tanh(logits / self.soft_cap) * self.soft_cap
        return logits


@contextlib.contextmanager
def hooks(handles):
    """Takes the hooks away at the end."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def recorded_attention(parts, tensors):
    """Notes queries, keys and values as the attention function gets them: after RoPE."""
    module = sys.modules[type(parts.attention(0)).__module__]
    original = module.eager_attention_forward
    numbers = {id(parts.attention(layer)): layer for layer in range(len(parts.layers))}

    def record(attention, query, key, value, *arguments, **options):
        layer = numbers[id(attention)]
        for name, tensor in [("q", query), ("k", key), ("v", value)]:
            tensors[f"{name}.{layer}"] = tensor[0].clone()
        return original(attention, query, key, value, *arguments, **options)

    module.eager_attention_forward = record
    try:
        yield
    finally:
        module.eager_attention_forward = original


def run(model, ids):
    """What transformers returns of a prompt."""
    return model(
        torch.tensor([ids]), use_cache=False, output_hidden_states=True, output_attentions=True
    )


def trace(model, ids):
    """Every tap point of a prompt, [positions, …] or [heads, positions, …], in float32."""
    parts, tensors, handles = Parts(model), {}, []

    def keep_input(name):
        return lambda _, inputs: tensors.__setitem__(name, inputs[0][0].clone())

    def keep_output(name):
        def hook(_, __, output):
            output = output[0] if isinstance(output, tuple) else output
            tensors[name] = output[0].clone()

        return hook

    for layer in range(len(parts.layers)):
        handles += [
            parts.o_proj(layer).register_forward_pre_hook(keep_input(f"head_out.{layer}")),
            parts.attention(layer).register_forward_hook(keep_output(f"attn_out.{layer}")),
            parts.down_proj(layer).register_forward_pre_hook(keep_input(f"mlp_act.{layer}")),
            parts.layers[layer].mlp.register_forward_hook(keep_output(f"mlp_out.{layer}")),
        ]
    with hooks(handles), recorded_attention(parts, tensors):
        output = run(model, ids)
    for layer in range(len(parts.layers)):
        flat = tensors[f"head_out.{layer}"]
        tensors[f"head_out.{layer}"] = flat.reshape(len(ids), parts.heads, -1)
        tensors[f"attentions.{layer}"] = output.attentions[layer][0]
    for number, hidden in enumerate(output.hidden_states):
        tensors[f"hidden_states.{number}"] = hidden[0]
        # The last is normalised already, and its lens are the logits.
        if number < len(parts.layers):
            tensors[f"lens.{number}"] = parts.lens(hidden[0])
    tensors["logits"] = output.logits[0]
    return tensors


def intervene(model, change, clean, vector=None, values=None):
    """The hooks of one change; `clean` is the trace of the prompt that will be run.

    `vector` is what is added by "steer", [hidden]; `values` what is put in by "patch", [positions,
    width].
    """
    parts, layer = Parts(model), change["layer"]
    kind = change["kind"]

    def heads(flat):
        """The input of o_proj by heads: a view."""
        return flat.view(*flat.shape[:-1], parts.heads, -1)

    def on_input(module, edit):
        def hook(_, inputs):
            changed = inputs[0].clone()
            edit(changed)
            return (changed, *inputs[1:])

        return module.register_forward_pre_hook(hook)

    def on_output(module, edit):
        def hook(_, __, output):
            changed = (output[0] if isinstance(output, tuple) else output).clone()
            edit(changed)
            return (changed, *output[1:]) if isinstance(output, tuple) else changed

        return module.register_forward_hook(hook)

    if kind == "head":
        head = change["head"]
        mean = clean[f"head_out.{layer}"][:, head].mean(0)

        def edit(flat):
            own = heads(flat)[0, :, head]
            own.copy_(mean if change["mean"] else own * change["factor"])

        return on_input(parts.o_proj(layer), edit)
    if kind == "skip_attention":
        return on_output(parts.attention(layer), torch.Tensor.zero_)
    if kind == "skip_mlp":
        return on_output(parts.layers[layer].mlp, torch.Tensor.zero_)
    if kind == "steer":
        return on_input(parts.layers[layer], lambda hidden: hidden.add_(vector))
    assert kind == "patch", kind
    at = change["positions"]
    if change["site"] == "residual":
        return on_input(parts.layers[layer], lambda hidden: hidden[0].index_copy_(0, index(at), values))
    if change["site"] == "mlp_out":
        mlp = parts.layers[layer].mlp
        return on_output(mlp, lambda out: out[0].index_copy_(0, index(at), values))

    def edit(flat):
        heads(flat)[0, at, change["head"]] = values

    return on_input(parts.o_proj(layer), edit)


def index(positions):
    """Positions as a tensor."""
    return torch.tensor(positions)

"""How small models are given weights, and what they are asked."""

import copy
import sys

import torch
import transformers

CANDIDATES = 48
# Of the largest logit: no token may hang on less, nor may a weight or a control be felt less.
LEAST_GAP = 1e-2


def initialise(model, variant, random):
    """Random weights of such sizes that every one of them is felt."""
    gemma = variant.architecture.startswith("Gemma")
    tied = model.config.tie_word_embeddings
    for name, parameter in model.named_parameters():
        shape = parameter.shape
        values = torch.randn(shape, generator=random)
        kind = name.split(".")[-2]
        if kind in ("embed_tokens", "wte", "wpe"):
            # Small where the head is the same matrix, so that the last token is not always its own
            # most likely successor.
            scale = variant.embedding_scale or (0.1 if tied else 1.0)
            if gemma:
                scale /= model.config.hidden_size**0.5
            if kind == "wpe":
                scale *= 0.5
            values *= scale
        elif kind == "lm_head":
            values *= 0.25
        elif "norm" in kind or kind.startswith("ln_"):
            values = 0.3 * values + (1.0 if name.endswith("weight") and not gemma else 0.0)
        elif name.endswith("bias"):
            values *= 0.3
        else:
            # Larger than in a trained model, so that attention is not flat.
            fan_in = shape[0] if variant.architecture == "GPT2LMHeadModel" else shape[1]
            values *= 1.5 / fan_in**0.5
        parameter.data.copy_(values)


def create(name, variant):
    """The variant's model with random weights, in float32."""
    transformers_class = getattr(transformers, variant.architecture)
    none = dict(bos_token_id=None, eos_token_id=None, pad_token_id=None)
    config = transformers_class.config_class(**copy.deepcopy(variant.config), **none)
    model = transformers_class(config)
    random = torch.Generator().manual_seed(sum(map(ord, name)) + 1000 * variant.seed)
    initialise(model, variant, random)
    return model


@torch.no_grad()
def generate(model, ids, count, use_cache=True):
    """New ids and the gaps of the two best logits, both [batch, count]."""
    # Some rotary embeddings remember the longest sequence that they have seen.
    model = copy.deepcopy(model)
    output = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=count,
        min_new_tokens=count,
        do_sample=False,
        use_cache=use_cache,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    logits = torch.stack(output.logits, 1)
    best = logits.topk(2).values
    gaps = (best[..., 0] - best[..., 1]) / logits.abs().amax(-1)
    return output.sequences[:, ids.shape[1] :], gaps


@torch.no_grad()
def logits_at_end(model, ids):
    """The logits after the last of `ids`, by a model that has seen nothing else."""
    return copy.deepcopy(model)(torch.tensor([ids]), use_cache=False).logits[0, -1].clone()


def off(logits, others):
    """The largest difference, relative to the largest logit."""
    return float((logits - others).abs().max() / others.abs().max())


def sequence(model, length, count, seed):
    """A prompt of that length and its continuation, and the logits at its end.

    Of many random prompts the one whose continuation is least in doubt, and does not go round in a
    small circle.
    """
    random = torch.Generator().manual_seed(seed)
    ids = torch.randint(model.config.vocab_size, (CANDIDATES, length), generator=random)
    new, gaps = generate(model, ids, count)
    _, gaps_without = generate(model, ids, count, use_cache=False)
    smallest = torch.minimum(gaps.amin(1), gaps_without.amin(1))
    for row in range(CANDIDATES):
        if len(set(new[row].tolist())) < count // 2:
            smallest[row] = -1.0
    ids = ids[smallest.argmax()][None]
    new, gaps = generate(model, ids, count)
    without, gaps_without = generate(model, ids, count, use_cache=False)
    assert min(gaps.min(), gaps_without.min()) > LEAST_GAP, (length, gaps, gaps_without)
    document = {
        "name": f"length_{length}",
        "prompt_ids": ids[0].tolist(),
        "new_ids": new[0].tolist(),
        "gaps": [round(float(gap), 5) for gap in gaps[0]],
    }
    if not torch.equal(new, without):
        document["new_ids_without_cache"] = without[0].tolist()
    return document, logits_at_end(model, document["prompt_ids"])


def check_weights(model, ids, right):
    """Asserts that each weight is felt at the end of `ids`."""
    for name, parameter in model.named_parameters():
        before = parameter.data.clone()
        parameter.data.copy_(before.roll(1, -1))
        felt = off(logits_at_end(model, ids), right)
        parameter.data.copy_(before)
        # A bias of the keys moves all scores of a query alike when nothing is rotated.
        if felt < LEAST_GAP:
            print(f"  {name} is felt by {felt:.5f} only", file=sys.stderr)

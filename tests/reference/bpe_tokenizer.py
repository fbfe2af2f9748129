"""A byte-level BPE tokenizer, made from a GGUF file's own vocabulary and merges.

It is built by hand because transformers' GGUF conversion drops SmolLM2's splitting of digits.
"""

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from gguf_llama import metadata

CONTROL, USER_DEFINED = 3, 4


def from_gguf(reader):
    """The tokenizer of a file with `tokenizer.ggml.model` gpt2 and `tokenizer.ggml.pre` smollm."""
    assert metadata(reader, "tokenizer.ggml.model") == "gpt2"
    assert metadata(reader, "tokenizer.ggml.pre") == "smollm"
    tokens = metadata(reader, "tokenizer.ggml.tokens")
    types = metadata(reader, "tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in metadata(reader, "tokenizer.ggml.merges")]
    vocabulary = {token: id for id, token in enumerate(tokens)}
    assert len(vocabulary) == len(tokens)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    # As in SmolLM2's tokenizer.json: every digit alone, then GPT-2's pattern.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [
            AddedToken(token, normalized=False, special=True)
            for token, kind in zip(tokens, types)
            if kind == CONTROL
        ]
    )
    tokenizer.add_tokens(
        [
            AddedToken(token, normalized=False, special=False)
            for token, kind in zip(tokens, types)
            if kind == USER_DEFINED
        ]
    )
    assert tokenizer.get_vocab_size() == len(tokens)
    return tokenizer

"""A byte-level BPE tokenizer, made from a GGUF file's own vocabulary and merges.

It is built by hand because transformers' GGUF conversion drops SmolLM2's splitting of digits.
"""

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from gguf_llama import metadata

CONTROL, USER_DEFINED = 3, 4


# The patterns of the families' own tokenizer.json files; `default` is llama.cpp's.
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEFAULT = [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"]
FAMILIES = ["default", "gpt-2", "llama-bpe", "qwen2", "smollm", "tekken"]


def split_by(*patterns):
    """Splits by each pattern in turn, then goes over to the byte-level alphabet."""
    steps = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    return pre_tokenizers.Sequence(steps + [pre_tokenizers.ByteLevel(False, use_regex=False)])


def pre_tokenizer(family):
    """How a family splits text before the merges."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    if family == "smollm":
        # As in SmolLM2's tokenizer.json: every digit alone, then GPT-2's pattern.
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    if family == "gpt-2":
        return byte_level
    return split_by(*{"default": DEFAULT, "llama-bpe": [LLAMA3], "qwen2": [QWEN2], "tekken": [TEKKEN]}[family])


def from_gguf(reader, family=None):
    """The tokenizer of a file with `tokenizer.ggml.model` gpt2.

    Another family than the file's own gives what the same vocabulary would do in that family.
    """
    assert metadata(reader, "tokenizer.ggml.model") == "gpt2"
    family = family or metadata(reader, "tokenizer.ggml.pre")
    tokens = metadata(reader, "tokenizer.ggml.tokens")
    types = metadata(reader, "tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in metadata(reader, "tokenizer.ggml.merges")]
    vocabulary = {token: id for id, token in enumerate(tokens)}
    assert len(vocabulary) == len(tokens)
    model = models.BPE(vocab=vocabulary, merges=merges, ignore_merges=family in ["llama-bpe", "tekken"])
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer(family)
    if family == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
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

"""A sentencepiece model, rebuilt from tokens, scores and types as GGUF has them."""

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto


def build(tokens, scores, types, add_space_prefix):
    """The processor of Google's own library. GGUF's types are sentencepiece's."""
    model = proto.ModelProto()
    for token, score, kind in zip(tokens, scores, types):
        # GGUF writes the spaces of user-defined tokens as they are.
        piece = token.replace(" ", "▁") if kind == 4 else token
        model.pieces.add(piece=piece, score=score, type=kind)
    model.trainer_spec.model_type = proto.TrainerSpec.BPE
    model.trainer_spec.byte_fallback = True
    model.trainer_spec.unk_id = types.index(2) if 2 in types else tokens.index("<unk>")
    model.pieces[model.trainer_spec.unk_id].type = 2
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = add_space_prefix
    model.normalizer_spec.remove_extra_whitespaces = False
    model.normalizer_spec.escape_whitespaces = True
    return sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())

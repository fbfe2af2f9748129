//! Byte-level BPE with GPT-2's alphabet, which maps every byte to a printable character.

use std::collections::HashSet;

use tokenizers::models::bpe::BpeBuilder;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{DecoderWrapper, Tokenizer as Encoder};

use crate::decoding::Decoding;
use crate::error::damaged;
use crate::{GgufVocabulary, TextError, merges, pre_tokenizer};

/// Builds the encoder and decoder of a GGUF vocabulary; also returns whether its family starts texts with BOS.
pub(crate) fn encoder(vocabulary: &GgufVocabulary) -> Result<(Encoder, Decoding, bool), TextError> {
    let family =
        pre_tokenizer::family(vocabulary.pre.as_deref().ok_or(TextError::NoPreTokenizer)?)?;
    let merges = vocabulary
        .merges
        .iter()
        .flatten()
        .map(|merge| merges::parse(merge))
        .collect::<Result<Vec<_>, _>>()?;
    let known: HashSet<&str> = vocabulary.tokens.iter().map(String::as_str).collect();
    merges::check(
        &known,
        merges
            .iter()
            .map(|(left, right)| (left.as_str(), right.as_str())),
    )?;
    let added = vocabulary.added_tokens();
    let model = BpeBuilder::new()
        .vocab_and_merges(vocabulary.ids(), merges)
        .ignore_merges(family.ignore_merges)
        .build()
        .map_err(damaged)?;
    let mut encoder = Encoder::new(model);
    encoder
        .with_normalizer(family.normalizer)
        .map_err(damaged)?;
    encoder.with_pre_tokenizer(Some(family.pre_tokenizer));
    encoder.with_decoder(Some(DecoderWrapper::ByteLevel(ByteLevel::default())));
    encoder.add_tokens(added).map_err(damaged)?;
    Ok((encoder, Decoding::byte_level(), family.add_bos))
}

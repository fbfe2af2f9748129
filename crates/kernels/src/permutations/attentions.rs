use vitrine_checkpoint::KvDtype;
use vitrine_gpu::{ShaderSource, StoreKind};

use super::{Size, TEXTURES, other};
use crate::AttentionForm::{Prompt, Texels, Token};
use crate::{
    Attention, AttentionForm, AttentionProbs, AttentionShape, CacheLayout, RopeKvAppend, stride,
};

/// Layouts of the cache, each with a sliding window or none.
fn caches(size: &Size) -> [(CacheLayout, Option<u32>); 6] {
    let Size {
        head_dim, dtype, ..
    } = *size;
    // No whole `vec4`s.
    let ragged = head_dim - 2;
    [
        (head_dim, head_dim / 2, None, dtype.into()),
        (head_dim, head_dim / 4, Some(100), other(dtype)),
        (head_dim, 0, None, dtype.into()),
        (ragged, ragged / 2, None, dtype.into()),
        (head_dim, head_dim / 2, Some(100), KvDtype::Q8),
        (head_dim, 0, None, KvDtype::Q8),
    ]
    .map(|(head_dim, rope_pairs, sliding_window, dtype)| {
        let cache = CacheLayout {
            head_dim,
            rope_pairs,
            dtype,
            store: StoreKind::Buffer,
        };
        (cache, sliding_window)
    })
}

fn shape(form: AttentionForm, splits: u32) -> AttentionShape {
    AttentionShape {
        form,
        splits,
        least_pages: 3,
    }
}

fn attention(
    size: &Size,
    (cache, sliding_window): (CacheLayout, Option<u32>),
    stats: bool,
    shape: AttentionShape,
) -> Attention {
    Attention {
        heads: size.heads,
        kv_heads: size.kv_heads,
        out_stride: stride(size.heads * size.head_dim),
        scale: 0.125,
        sliding_window,
        cache,
        dtype: size.dtype,
        stats,
        shape,
    }
}

/// A kernel that appends to a cache.
pub(super) fn append(size: &Size, cache: CacheLayout, keep: bool) -> RopeKvAppend {
    let Size {
        heads,
        kv_heads,
        head_dim,
        dtype,
        ..
    } = *size;
    RopeKvAppend {
        heads,
        kv_heads,
        qkv_stride: stride((heads + 2 * kv_heads) * head_dim),
        k_offset: heads * head_dim,
        v_offset: (heads + kv_heads) * head_dim,
        cache,
        dtype,
        keep,
    }
}

/// Kernels that append to a cache, read it, and compute its probabilities again.
pub(super) fn attentions(size: &Size) -> Vec<ShaderSource> {
    let in_storage = caches(size);
    let as_texels = TEXTURES.into_iter().flat_map(|store| {
        let fitting = in_storage
            .into_iter()
            .filter(|(cache, _)| cache.fits_texels());
        fitting.map(move |(cache, window)| (CacheLayout { store, ..cache }, window))
    });
    let mut all = Vec::new();
    for (cache, window) in in_storage.into_iter().chain(as_texels) {
        for look in [false, true] {
            all.push(append(size, cache, look).source());
            let forms = [(Prompt, 1), (Token, 1), (Token, 16)];
            for (form, splits) in forms.into_iter().filter(|_| !cache.is_texels()) {
                let shape = shape(form, splits);
                all.extend(attention(size, (cache, window), look, shape).sources());
            }
        }
        let of = attention(size, (cache, window), true, shape(Token, 1));
        all.push(AttentionProbs { of }.source());
    }
    all
}

/// Kernels that read a cache in a texture, with this many lanes.
pub(super) fn attentions_of_texels(size: &Size, lanes: u32) -> Vec<ShaderSource> {
    let form = Texels(lanes);
    let store = match lanes {
        4 => StoreKind::SampledTexture,
        _ => StoreKind::StorageTexture,
    };
    let mut all = Vec::new();
    for (cache, window) in caches(size) {
        let cache = CacheLayout { store, ..cache };
        for (look, splits) in [(false, 1), (true, 1), (false, 6), (true, 6)] {
            if cache.fits_texels() {
                let attention = attention(size, (cache, window), look, shape(form, splits));
                // The kernel that combines splits needs no subgroups.
                all.extend(attention.sources().into_iter().take(1));
            }
        }
    }
    all
}

//! A KV cache in a texture.

use vitrine_checkpoint::KvDtype;
use vitrine_gpu::{ShaderSource, StoreKind};

use crate::{CacheLayout, fragment};

/// The constants and units of its fragments.
pub(crate) fn describe(cache: &CacheLayout, source: &mut ShaderSource) {
    let unit = match cache.dtype {
        KvDtype::F32 => "software/texels_f32",
        KvDtype::F16 | KvDtype::Q8 => "software/texels_f16",
    };
    source.units.extend([
        ("texels", fragment(unit)),
        ("keys", fragment("software/key_scores")),
    ]);
    source.constants.extend([
        ("TEXELS", (cache.head_words() / 4).into()),
        ("TEXEL_PAIRS", cache.pairs_at_once().into()),
        ("TEXEL_QUADS", (cache.pairs_at_once() / 2).into()),
    ]);
    if cache.store == StoreKind::StorageTexture {
        source.set_flag("STORAGE_TEXTURE");
    }
}

use vitrine_checkpoint::Activation;
use vitrine_gpu::StoreKind;

use super::attentions::append;
use super::{Size, TEXTURES, other};
use crate::software::{MatmulTiling, XBinding};
use crate::{CacheLayout, Dtype, Epilogue, Format, InputNorm, Matmul, Tiling, XFormat, stride};

/// Tilings of real GPUs: a token, several, and a prompt.
const GPU: [Tiling; 4] = [
    Tiling::Vec {
        slices: 4,
        tokens: 1,
    },
    Tiling::Tile { tokens: 64 },
    Tiling::Vec {
        slices: 8,
        tokens: 4,
    },
    Tiling::Tile { tokens: 32 },
];

/// Tilings of software adapters, whose weights are in this kind of store: a token, a prompt, and several tokens.
fn software(kind: StoreKind) -> [Tiling; 3] {
    let (lanes, rows) = match kind {
        StoreKind::SampledTexture => (4, 16),
        _ => (8, 8),
    };
    let uniform = |tokens| MatmulTiling {
        lanes,
        rows,
        group_rows: MatmulTiling::group_rows(kind, rows),
        tokens,
        x: XBinding::Uniform,
        shared_x: false,
    };
    let prompt = MatmulTiling {
        x: XBinding::Texels(kind),
        ..uniform(4)
    };
    [uniform(1), prompt, uniform(2)].map(Tiling::Software)
}

/// The permutations of `matmul` that plans use, for one weight format.
pub(super) fn matmuls(size: &Size, format: Format) -> Vec<Matmul> {
    let thorough = format == Format::Q4 || format == Format::F16 && size.hidden == 576;
    // On software adapters Q4 stands for the other formats at odd sizes and in the other kind of texture.
    let textures = match format {
        Format::Q4 => &TEXTURES[..],
        _ if size.hidden == 576 => &TEXTURES[1..],
        _ => &[],
    };
    let on_textures = textures
        .iter()
        .map(|kind| (*kind, software(*kind).to_vec()));
    let stores = [(StoreKind::Buffer, GPU.to_vec())]
        .into_iter()
        .chain(on_textures);
    let mut all = Vec::new();
    for (kind, tilings) in stores {
        // Formats whose steps are not of four words are read from storage everywhere.
        let quants = match format.quants().words {
            4 => kind,
            _ => StoreKind::Buffer,
        };
        // A token and a prompt are enough for the other formats.
        let most = if thorough { tilings.len() } else { 2 };
        for tiling in &tilings[..most] {
            let plain = plain(size, format, quants, *tiling);
            all.push(plain);
            let packed = Matmul {
                x_format: XFormat::Packed,
                ..plain
            };
            all.extend(format.has_bytes().then_some(packed));
            if thorough {
                all.extend(fused(size, plain, kind));
                all.extend(fused(size, packed, kind).filter(|it| it.format.has_bytes()));
            }
        }
    }
    all
}

fn plain(size: &Size, format: Format, quants: StoreKind, tiling: Tiling) -> Matmul {
    Matmul {
        format,
        quants,
        rows: stride(size.intermediate),
        k: size.hidden,
        x_stride: stride(size.hidden),
        y_stride: stride(size.intermediate) * 2,
        row_start: 32,
        bias: false,
        x_format: size.dtype.into(),
        // Logits are always f32.
        y_dtype: Dtype::F32,
        tiling,
        norm: None,
        epilogue: Epilogue::Store,
    }
}

/// The same with each epilogue, and with a fused norm if the kernel supports it.
fn fused(size: &Size, plain: Matmul, kind: StoreKind) -> impl Iterator<Item = Matmul> {
    let up_offset = stride(size.intermediate);
    let keep = plain.tiling.tokens() == 1;
    let act = Activation::Silu;
    let mut epilogues = vec![Epilogue::Add, Epilogue::Gate { act, up_offset }];
    // Browsers allow four storage textures per kernel, and no adapter there has weights in them.
    let too_many = plain.tiling.takes_texels() && kind == StoreKind::StorageTexture;
    if !matches!(plain.tiling, Tiling::Tile { .. }) && !too_many {
        let cache = CacheLayout {
            head_dim: size.head_dim,
            rope_pairs: size.head_dim / 2,
            dtype: other(size.dtype),
            store: kind,
        };
        // With both copies and a bias a real GPU's kernel binds more than the ten storage buffers that browsers have,
        // and plans do not ask for it there.
        let is_software = matches!(plain.tiling, Tiling::Software(_));
        epilogues.push(Epilogue::Append(append(size, cache, keep && is_software)));
    }
    let normed = move |epilogue: &Epilogue| {
        let is_tile = matches!(plain.tiling, Tiling::Tile { .. });
        !is_tile && plain.x_format != XFormat::Packed && !matches!(epilogue, Epilogue::Add)
    };
    let norm = InputNorm {
        n: size.hidden,
        eps: 1e-5,
        keep,
    };
    let dtype = size.dtype;
    epilogues.into_iter().map(move |epilogue| Matmul {
        rows: match epilogue {
            Epilogue::Append(append) => append.qkv_stride,
            Epilogue::Gate { .. } => 2 * up_offset,
            _ => plain.rows,
        },
        row_start: 0,
        bias: true,
        y_dtype: dtype,
        norm: normed(&epilogue).then_some(InputNorm {
            keep: norm.keep
                && (matches!(plain.tiling, Tiling::Software(_))
                    || !matches!(epilogue, Epilogue::Append(_))),
            ..norm
        }),
        epilogue,
        ..plain
    })
}

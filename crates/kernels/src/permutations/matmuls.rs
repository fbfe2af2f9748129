use vitrine_gpu::StoreKind;

use super::attentions::append;
use super::{Size, TEXTURES, is_textured, other};
use crate::{
    Activation, CacheLayout, Dtype, Format, InputNorm, Matmul, Shape, SliceSums, Then, XBinding,
    XFormat, stride,
};

const STORAGE_TEXELS: XBinding = XBinding::Texels(StoreKind::StorageTexture);
const SAMPLED_TEXELS: XBinding = XBinding::Texels(StoreKind::SampledTexture);

/// The forms of `matmul` that plans have, for one number format.
pub(super) fn matmuls(size: &Size, format: Format) -> Vec<Matmul> {
    let Size {
        hidden,
        intermediate,
        head_dim,
        dtype,
        ..
    } = *size;
    let x_stride = stride(hidden);
    let mut all = Vec::new();
    let shapes = [
        (8, 1, 8, 1, XBinding::Uniform, false),
        // As much as tiles have in them, and quick to compile.
        (64, 1, 2, 2, XBinding::Workgroup, false),
        (8, 1, 8, 1, XBinding::Uniform, true),
        (8, 1, 8, 4, STORAGE_TEXELS, false),
        (8, 1, 8, 4, SAMPLED_TEXELS, true),
        (8, 1, 8, 4, XBinding::Storage, true),
        (64, 1, 1, 1, XBinding::Uniform, true),
        (8, 1, 8, 2, XBinding::Uniform, false),
        (8, 1, 8, 4, XBinding::Uniform, true),
        (64, 1, 1, 2, XBinding::Uniform, false),
        (64, 1, 1, 4, XBinding::Storage, true),
        (64, 1, 1, 8, XBinding::Uniform, false),
        (128, 4, 1, 1, XBinding::Uniform, true),
        (128, 4, 1, 1, XBinding::Uniform, false),
        (64, 2, 2, 8, XBinding::Storage, false),
        (4, 1, 16, 1, XBinding::Uniform, true),
        (64, 1, 2, 8, XBinding::Storage, false),
        (64, 1, 4, 8, XBinding::Workgroup, false),
    ];
    let thorough = hidden == 576 && matches!(format, Format::Q4 | Format::F16);
    // Decoding, prefill, and what adds to the residual are enough for the other size; the last ones have
    // nothing new in other formats.
    let shapes = match hidden {
        576 if thorough => &shapes[..],
        576 => &shapes[..13],
        _ => &shapes[..4],
    };
    for &(lanes, slices, rows, cols, x, accumulate) in shapes {
        let shape = Shape {
            lanes,
            rows,
            cols,
            slices,
            sums: SliceSums::Workgroup,
            x,
            shared_x: false,
        };
        let matmul = Matmul {
            format,
            quants: StoreKind::Buffer,
            rows: stride(intermediate),
            k: hidden,
            x_stride,
            y_stride: stride(intermediate) * 2,
            row_start: 32,
            accumulate,
            bias: accumulate,
            x_format: dtype.into(),
            // Logits are f32 always.
            y_dtype: if x == XBinding::Uniform {
                Dtype::F32
            } else {
                dtype
            },
            shape,
            norm: None,
            then: Then::Store,
        };
        all.push(matmul);
    }
    // What a step takes along: the norm before, and what is made of the sums.
    for (lanes, slices, cols, x, keep) in [
        (8, 1, 1, XBinding::Uniform, false),
        (8, 1, 1, XBinding::Uniform, true),
        (8, 1, 4, STORAGE_TEXELS, false),
        (8, 1, 4, XBinding::Storage, false),
        (128, 4, 1, XBinding::Uniform, false),
    ] {
        // For the other formats the one with most in it is enough.
        if !keep && !thorough {
            continue;
        }
        let cache = CacheLayout {
            head_dim,
            rope_pairs: head_dim / 2,
            dtype: if keep { other(dtype) } else { dtype.into() },
            store: StoreKind::Buffer,
        };
        let append = append(size, cache, keep);
        let act = Then::Act {
            act: Activation::Silu,
            up_offset: stride(intermediate),
        };
        for then in [act, Then::Append(append)] {
            let rows = match then {
                Then::Append(append) => append.qkv_stride,
                _ => 2 * stride(intermediate),
            };
            let matmul = Matmul {
                format,
                quants: StoreKind::Buffer,
                rows,
                k: hidden,
                x_stride,
                y_stride: stride(intermediate),
                row_start: 0,
                accumulate: false,
                bias: keep,
                x_format: dtype.into(),
                y_dtype: dtype,
                shape: Shape {
                    lanes,
                    rows: 8,
                    cols,
                    slices,
                    sums: SliceSums::Workgroup,
                    x,
                    shared_x: false,
                },
                norm: Some(InputNorm {
                    n: hidden,
                    eps: 1e-5,
                    keep,
                }),
                then,
            };
            all.push(matmul);
        }
    }
    if is_textured(format, size) {
        // Rows that share texels of scales, those of eight lanes and of four, and rows that do not.
        let eight = all[0].shape;
        let four = Shape {
            lanes: 4,
            rows: 16,
            ..eight
        };
        let many = Shape {
            lanes: 64,
            rows: 1,
            ..eight
        };
        for (quants, other) in TEXTURES.into_iter().zip([four, many]) {
            let with = |shape| Matmul {
                quants,
                shape,
                ..all[0]
            };
            let prompt = Shape {
                cols: 4,
                x: XBinding::Texels(quants),
                ..eight
            };
            all.splice(1..1, [eight, other, prompt].map(with));
        }
        all.extend(all.clone().into_iter().filter_map(with_texels));
    }
    all
}

/// The same for a cache that is a texture, where a token goes to it.
fn with_texels(matmul: Matmul) -> Option<Matmul> {
    match matmul.then {
        Then::Append(mut append) if matmul.shape.cols == 1 => {
            append.cache.store = StoreKind::SampledTexture;
            let then = Then::Append(append);
            Some(Matmul { then, ..matmul })
        }
        _ => None,
    }
}

/// Those with x in signed bytes: what surrounds the products is as above, so that a few are enough.
pub(super) fn matmuls_of_bytes(size: &Size, format: Format) -> Vec<Matmul> {
    if !format.has_bytes() {
        return Vec::new();
    }
    let mut all = matmuls(size, format);
    // Tiles are for floats.
    all.retain(|matmul| matmul.shape.x != XBinding::Workgroup);
    if format != Format::Q4 {
        all.truncate(4);
    }
    for matmul in &mut all {
        matmul.x_format = XFormat::Packed;
        matmul.norm = None;
    }
    all
}

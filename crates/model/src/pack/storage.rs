use vitrine_checkpoint::Quantize;
use vitrine_checkpoint::ggml::GgmlType;
use vitrine_kernels::Format;
use vitrine_kernels::packed::TilePacker;

use super::{ggml, quantize};

/// A tensor's type on disk, and its quantisation during loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Storage {
    /// The type on disk.
    pub on_disk: GgmlType,
    /// `None` keeps the weights as they are.
    quantize: Option<Quantize>,
}

impl Storage {
    /// The storage of a tensor of type `on_disk`. Types that are already quantised are not quantised
    /// again, because a second rounding would only add error.
    #[must_use]
    pub fn new(on_disk: GgmlType, quantize: Option<Quantize>) -> Self {
        Self {
            on_disk,
            quantize: quantize.filter(|_| on_disk.is_float()),
        }
    }

    /// The weight format on the GPU.
    #[must_use]
    pub fn format(self) -> Format {
        self.quantize
            .map_or_else(|| ggml::format(self.on_disk), quantize::format)
    }

    /// Bytes on disk of a row of `k` weights.
    #[must_use]
    pub fn row_bytes(self, k: u64) -> u64 {
        self.on_disk.row_bytes(k)
    }

    /// Packs one row, as it is stored on disk, into row `row` of `packer`, whose format is
    /// [`Storage::format`].
    pub fn pack_row(self, bytes: &[u8], row: usize, packer: &mut TilePacker) {
        match self.quantize {
            None => ggml::pack_row(self.on_disk, bytes, row, packer),
            Some(how) => quantize::pack_row(how, &self.on_disk.dequantize(bytes), row, packer),
        }
    }
}

impl From<GgmlType> for Storage {
    fn from(on_disk: GgmlType) -> Self {
        Self::new(on_disk, None)
    }
}

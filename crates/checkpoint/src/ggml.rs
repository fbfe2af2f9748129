//! The tensor types of GGUF files: their blocks on disk, and dequantisation. The float types are also those of safetensors
//! files.
//!
//! Block layouts are those of ggml's `ggml-common.h` (`block_q4_0`, `block_q2_K`, …).

mod block;
mod dequantize;

pub use block::Block;

/// A supported tensor type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GgmlType {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// The upper 16 bits of 32-bit floats.
    BF16,
    /// 4 bits and a scale per 32 weights: w = d · (q - 8).
    Q4_0,
    /// 4 bits, a scale and a minimum per 32 weights: w = d · q + m.
    Q4_1,
    /// 5 bits and a scale per 32 weights: w = d · (q - 16).
    Q5_0,
    /// 5 bits, a scale and a minimum per 32 weights: w = d · q + m.
    Q5_1,
    /// 8 bits and a scale per 32 weights: w = d · q.
    Q8_0,
    /// 2 bits; 4-bit s and m per 16 weights; d and d' per 256: w = d · s · q - d' · m.
    Q2K,
    /// 3 bits; 6-bit s per 16 weights; d per 256: w = d · (s - 32) · (q - 4).
    Q3K,
    /// 4 bits; 6-bit s and m per 32 weights; d and d' per 256: w = d · s · q - d' · m.
    Q4K,
    /// 5 bits; 6-bit s and m per 32 weights; d and d' per 256: w = d · s · q - d' · m.
    Q5K,
    /// 6 bits; 8-bit s per 16 weights; d per 256: w = d · s · (q - 32).
    Q6K,
}

/// The properties of each type: number in files, name, weights per block on disk, and bytes per block.
const TYPES: [(GgmlType, u32, &str, u64, u64); 13] = [
    (GgmlType::F32, 0, "F32", 1, 4),
    (GgmlType::F16, 1, "F16", 1, 2),
    (GgmlType::BF16, 30, "BF16", 1, 2),
    (GgmlType::Q4_0, 2, "Q4_0", 32, 18),
    (GgmlType::Q4_1, 3, "Q4_1", 32, 20),
    (GgmlType::Q5_0, 6, "Q5_0", 32, 22),
    (GgmlType::Q5_1, 7, "Q5_1", 32, 24),
    (GgmlType::Q8_0, 8, "Q8_0", 32, 34),
    (GgmlType::Q2K, 10, "Q2_K", 256, 84),
    (GgmlType::Q3K, 11, "Q3_K", 256, 110),
    (GgmlType::Q4K, 12, "Q4_K", 256, 144),
    (GgmlType::Q5K, 13, "Q5_K", 256, 176),
    (GgmlType::Q6K, 14, "Q6_K", 256, 210),
];

/// Unsupported types of `enum ggml_type`, for messages.
const OTHERS: [(u32, &str); 17] = [
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (28, "F64"),
    (29, "IQ1_M"),
    (34, "TQ1_0"),
    (39, "MXFP4"),
];

impl GgmlType {
    /// All supported types.
    pub fn all() -> impl Iterator<Item = Self> {
        TYPES.iter().map(|row| row.0)
    }

    /// The type of a number in the file (`enum ggml_type`), if it is supported.
    #[must_use]
    pub fn from_id(id: u32) -> Option<Self> {
        TYPES.iter().find(|row| row.1 == id).map(|row| row.0)
    }

    /// The name of any type number, for messages.
    #[must_use]
    pub fn name_of(id: u32) -> String {
        let ours = TYPES.iter().map(|row| (row.1, row.2));
        ours.chain(OTHERS)
            .find(|(known, _)| *known == id)
            .map_or_else(|| format!("number {id}"), |(_, name)| name.to_owned())
    }

    /// The type's name in ggml.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// Weights and bytes per block on disk. Rows consist of whole blocks.
    #[must_use]
    pub fn block(self) -> (u64, u64) {
        (self.row().3, self.row().4)
    }

    /// Bytes of a row of `k` weights.
    #[must_use]
    pub fn row_bytes(self, k: u64) -> u64 {
        let (weights, bytes) = self.block();
        k / weights * bytes
    }

    /// Whether it holds floats, which can be quantised while loading.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::BF16)
    }

    fn row(self) -> (Self, u32, &'static str, u64, u64) {
        // The table is in the order of the enum; a test checks that.
        TYPES[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        for (index, kind) in GgmlType::all().enumerate() {
            assert_eq!(kind as usize, index);
            assert_eq!(GgmlType::from_id(kind.row().1), Some(kind));
        }
    }

    #[test]
    fn unknown_types_have_names() {
        assert_eq!(GgmlType::name_of(14), "Q6_K");
        assert_eq!(GgmlType::name_of(20), "IQ4_NL");
        assert_eq!(GgmlType::name_of(4), "number 4");
        assert_eq!(GgmlType::from_id(20), None);
    }
}

use serde::{Deserialize, Serialize};

/// Location of a tensor in the files of a model that is loading. Weight files are numbered from 0, in the order in
/// which they are loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorPlace {
    /// Its name in the file, such as `blk.0.attn_q.weight` or `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    /// Number of the weight file.
    pub file: u32,
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A range of bytes of a weight file that is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Number of the weight file, as in `TensorPlace`.
    pub file: u32,
    /// First byte.
    pub start: u64,
    /// End, exclusive.
    pub end: u64,
}

impl TensorPlace {
    /// Number of its bytes in `arrived`, whose ranges must not overlap.
    #[must_use]
    pub fn arrived(&self, arrived: &[Arrived]) -> u64 {
        let here = arrived.iter().filter(|it| it.file == self.file);
        let common = here.map(|it| {
            let end = it.end.min(self.offset.saturating_add(self.bytes));
            end.saturating_sub(it.start.max(self.offset))
        });
        common.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bytes_of_the_tensor_count() {
        let tensor = TensorPlace {
            name: String::from("a"),
            file: 1,
            offset: 100,
            bytes: 50,
        };
        let of = |file, start, end| Arrived { file, start, end };
        assert_eq!(tensor.arrived(&[]), 0);
        assert_eq!(tensor.arrived(&[of(0, 0, 999)]), 0, "another file");
        assert_eq!(tensor.arrived(&[of(1, 0, 100), of(1, 150, 200)]), 0);
        assert_eq!(tensor.arrived(&[of(1, 90, 110), of(1, 140, 999)]), 20);
        assert_eq!(tensor.arrived(&[of(1, 0, 999)]), 50);
    }
}

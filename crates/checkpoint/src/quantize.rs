//! Quantisation of float weights during loading, as optimum-quanto quantises linear layers.

use std::fmt;

/// A quantisation of float weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantize {
    /// 8 bits, symmetric, one scale per row (output channel): scale = max |w| / 127.
    Q8,
    /// 4 bits, affine, in groups of 32 along the row: scale = (max - min) / 15. The last group of a
    /// row may be shorter.
    Q4,
    /// As [`Quantize::Q4`], in groups of 128.
    Q4Group128,
}

impl Quantize {
    /// All variants, with their names on the command line.
    pub const ALL: [(&'static str, Self); 3] = [
        ("q8", Self::Q8),
        ("q4", Self::Q4),
        ("q4-128", Self::Q4Group128),
    ];

    /// The variant with this name on the command line.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(known, _)| *known == name).map(|(_, this)| this)
    }
}

impl fmt::Display for Quantize {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, this)| this == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

/// The quantisation of float weights during loading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantization {
    /// The quantisation of the layers' projections; `None` leaves all weights as they are.
    pub projections: Option<Quantize>,
    /// Whether the embedding and the output head are quantised too.
    pub tables: bool,
}

impl Quantization {
    /// The quantisation of the embedding and the output head.
    #[must_use]
    pub fn of_tables(self) -> Option<Quantize> {
        self.projections.filter(|_| self.tables)
    }
}

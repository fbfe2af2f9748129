//! The families of AMD GPUs for which kernels are compiled.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A family. Their compilers share most of their code; registers and instructions differ.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum,
)]
pub enum Family {
    /// RX 7000.
    #[serde(rename = "RDNA 3")]
    Rdna3,
    /// RX 6000.
    #[serde(rename = "RDNA 2")]
    Rdna2,
    /// RX Vega, and the integrated GPUs of many notebooks.
    #[serde(rename = "GCN")]
    Gcn,
}

impl Family {
    /// All of them, the newest first.
    pub const ALL: [Self; 3] = [Self::Rdna3, Self::Rdna2, Self::Gcn];

    /// What RADV calls a chip of the family (`RADV_FORCE_FAMILY`), by age of the driver: the newer name first.
    pub fn radv_names(self) -> &'static [&'static str] {
        match self {
            Self::Rdna3 => &["navi31", "gfx1100"],
            Self::Rdna2 => &["navi21"],
            Self::Gcn => &["vega10"],
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rdna3 => "RDNA 3",
            Self::Rdna2 => "RDNA 2",
            Self::Gcn => "GCN",
        })
    }
}

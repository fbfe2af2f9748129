//! The fastest tilings of `matmul` measured on an adapter.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use vitrine_gpu::Gpu;
use vitrine_kernels::{Format, Tiling, XFormat, matmul_revision};

use crate::MAX_PASS;

/// The fastest tiling of `matmul` for each kind of matrix.
///
/// [`Tiling::choose`] decides for kinds that were not measured, and for those whose kept tiling is no longer
/// offered on this adapter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tuning {
    /// By the displayed [`MatmulKind`].
    kinds: BTreeMap<String, Measured>,
    trial: Option<Trial>,
}

/// The saved form of a [`Tuning`].
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The adapter and its driver.
    adapter: String,
    /// [`matmul_revision`].
    kernel: String,
    kinds: BTreeMap<String, Measured>,
}

/// The measurements of one kind of matrix, with tilings by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How many matrices of this kind were timed.
    pub matrices: u32,
    /// Tokens of the pass.
    pub tokens: u32,
    /// Each tiling, the default first, with the seconds it took for those matrices.
    pub times: Vec<(String, f64)>,
    /// The tiling to use.
    pub best: String,
    /// Whether every candidate was timed.
    pub complete: bool,
}

/// A candidate that overrides what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trial {
    /// Only in passes of up to this many tokens; `None` for all passes.
    tokens: Option<u32>,
    /// Index among the candidates.
    index: usize,
}

/// A kind of projection; all projections of a kind take the same time.
///
/// What is fused into a projection (the norm of x, RoPE, the product with the gate) is not part of the kind,
/// because it costs the same with every tiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatmulKind {
    /// The projection, such as `qkv_proj`.
    pub name: &'static str,
    /// Weight format.
    pub format: Format,
    /// Rows of the matrix, or of a part of it.
    pub rows: u32,
    /// Weights per row.
    pub k: u32,
    /// Maximum tokens of a pass.
    pub tokens: u32,
    /// Data type of activations.
    pub x_format: XFormat,
}

impl fmt::Display for MatmulKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            format,
            rows,
            k,
            tokens,
            x_format,
        } = self;
        write!(f, "{name} {rows}×{k} {format:?} with {x_format}, ")?;
        match *tokens {
            1 => write!(f, "a token"),
            MAX_PASS => write!(f, "a prompt"),
            tokens => write!(f, "{tokens} tokens"),
        }
    }
}

impl MatmulKind {
    /// The tilings worth timing for this kind.
    #[must_use]
    pub fn candidates(&self, gpu: &Gpu) -> Vec<Tiling> {
        let Self {
            format,
            rows,
            k,
            tokens,
            x_format,
            ..
        } = *self;
        Tiling::candidates(gpu, format, rows, k, tokens, x_format)
    }
}

impl Tuning {
    /// A tuning that uses candidate number `index` of every kind, or the default where there are fewer candidates.
    /// With it, every tiling can be tried.
    #[must_use]
    pub fn forced(index: usize) -> Self {
        let tokens = None;
        Self {
            trial: Some(Trial { tokens, index }),
            ..Self::default()
        }
    }

    /// Whether this kind has been measured.
    #[must_use]
    pub fn knows(&self, kind: &MatmulKind) -> bool {
        self.measured(kind).is_some()
    }

    /// The measurements of this kind.
    #[must_use]
    pub fn measured(&self, kind: &MatmulKind) -> Option<&Measured> {
        self.kinds.get(&kind.to_string())
    }

    /// Serialises the tuning as JSON; `adapter` names the adapter and its driver.
    #[must_use]
    pub fn to_json(&self, adapter: &str) -> String {
        let kept = Kept {
            adapter: adapter.to_owned(),
            kernel: matmul_revision(),
            kinds: self.kinds.clone(),
        };
        // Maps of strings can always be written.
        serde_json::to_string_pretty(&kept).unwrap_or_default()
    }

    /// Reads a saved tuning. It is empty, so that everything is measured again, if the JSON is damaged or was
    /// saved for another `adapter` or another version of the kernel.
    #[must_use]
    pub fn from_json(json: &[u8], adapter: &str) -> Self {
        let kept = serde_json::from_slice(json).ok();
        let kinds = kept
            .filter(|kept: &Kept| kept.adapter == adapter && kept.kernel == matmul_revision())
            .map(|kept| kept.kinds);
        Self {
            kinds: kinds.unwrap_or_default(),
            trial: None,
        }
    }

    pub(crate) fn keep(&mut self, kind: &MatmulKind, measured: Measured) {
        self.kinds.insert(kind.to_string(), measured);
    }

    /// Makes passes of up to `tokens` tokens use candidate number `index`; `None` returns to the measured tilings.
    pub(crate) fn attempt(&mut self, tokens: u32, index: Option<usize>) {
        self.trial = index.map(|index| Trial {
            tokens: Some(tokens),
            index,
        });
    }

    /// The tiling of a projection of this kind.
    pub(crate) fn tiling(&self, gpu: &Gpu, kind: &MatmulKind) -> Tiling {
        let MatmulKind {
            format,
            rows,
            k,
            tokens,
            x_format,
            ..
        } = *kind;
        let trial = self
            .trial
            .filter(|trial| trial.tokens.is_none_or(|of| of == tokens));
        let found = match trial {
            Some(Trial { index, .. }) => kind.candidates(gpu).get(index).copied(),
            None if self.kinds.is_empty() => None,
            None => self.measured(kind).and_then(|measured| {
                let mut candidates = kind.candidates(gpu).into_iter();
                candidates.find(|tiling| tiling.to_string() == measured.best)
            }),
        };
        found.unwrap_or_else(|| Tiling::choose(gpu, format, rows, k, tokens, x_format))
    }
}

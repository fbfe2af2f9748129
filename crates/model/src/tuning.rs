//! How matrices are best multiplied on this adapter, as far as that has been measured.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use vitrine_gpu::Gpu;
use vitrine_kernels::{Format, Tiling, XFormat, matmul_revision};

use crate::MAX_PASS;

/// Which cut of `matmul` was the fastest for which kind of matrix. What is not known is cut as
/// [`Tiling::choose`] says.
///
/// A cut that this version does not offer on this adapter any more is as one that is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tuning {
    /// By the names of kinds.
    kinds: BTreeMap<String, Measured>,
    trial: Option<Trial>,
}

/// What is kept of a [`Tuning`].
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The adapter and its driver.
    adapter: String,
    /// [`matmul_revision`].
    kernel: String,
    kinds: BTreeMap<String, Measured>,
}

/// What was measured of a kind of matrix; cuts are given by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Matrices of this kind that were timed.
    pub matrices: u32,
    /// Tokens of the pass.
    pub tokens: u32,
    /// The cuts, the usual one first, and the seconds that each took for those matrices.
    pub times: Vec<(String, f64)>,
    /// The one that is used from now on.
    pub best: String,
    /// Whether there was time for all.
    pub complete: bool,
}

/// A cut that is used whatever is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trial {
    /// For passes of so many tokens; none for all.
    tokens: Option<u32>,
    /// Which of the candidates.
    index: usize,
}

/// A kind of projection: those of one kind take the same time.
///
/// What a projection does on its way (the norm of x, the rotation, the product with gate) does not tell kinds
/// apart, though one cache may have it and another not: every tiling pays for it alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatmulKind {
    /// What is computed, as `qkv_proj`.
    pub name: &'static str,
    /// How the weights are stored.
    pub format: Format,
    /// Rows of the matrix, or of the part of it.
    pub rows: u32,
    /// Weights per row.
    pub k: u32,
    /// The most tokens of a pass.
    pub tokens: u32,
    /// Number format of activations.
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
    /// The cuts that may be best for it.
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
    /// Every matrix is cut as its candidate number `index` says, or as the first where there are not
    /// so many: to try them all.
    #[must_use]
    pub fn forced(index: usize) -> Self {
        let tokens = None;
        Self {
            trial: Some(Trial { tokens, index }),
            ..Self::default()
        }
    }

    /// Whether a kind has been measured.
    #[must_use]
    pub fn knows(&self, kind: &MatmulKind) -> bool {
        self.measured(kind).is_some()
    }

    /// What was measured of a kind.
    #[must_use]
    pub fn measured(&self, kind: &MatmulKind) -> Option<&Measured> {
        self.kinds.get(&kind.to_string())
    }

    /// As JSON, to be kept for the next time on this `adapter` with its driver.
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

    /// What was kept for this `adapter` and this version's kernel; nothing where the text is of another
    /// or is damaged: it is measured again then.
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

    /// From here on passes of up to `tokens` tokens try candidate number `index`; none: what is known
    /// counts again.
    pub(crate) fn attempt(&mut self, tokens: u32, index: Option<usize>) {
        self.trial = index.map(|index| Trial {
            tokens: Some(tokens),
            index,
        });
    }

    /// How to cut a projection of this kind.
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

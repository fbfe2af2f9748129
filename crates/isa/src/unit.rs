//! The unit of work of a kernel's inner loop.

use serde::{Deserialize, Serialize};

/// What instructions of an inner loop are counted by. A kernel says it in its own text, as a constant that
/// nothing else reads: `const WEIGHTS_PER_TRIP: u32 = 32u * ROWS;`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// What.
    pub of: Of,
    /// How many of them a lane has done after one trip.
    pub per_trip: f64,
    /// How often the loop multiplies and adds, where it is not the one that does so most: `FUSED_PER_TRIP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fused: Option<u32>,
}

/// The elements of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// A weight, of one token or of a few that a lane has together.
    Weight,
    /// A weight multiplied by one token's value, where a lane has a tile of both.
    Product,
    /// A query and a key.
    Pair,
}

const NAMES: [(&str, Of); 3] = [
    ("WEIGHTS_PER_TRIP", Of::Weight),
    ("PRODUCTS_PER_TRIP", Of::Product),
    ("PAIRS_PER_TRIP", Of::Pair),
];

impl Unit {
    /// The unit that a kernel's constants declare.
    pub fn of_module(module: &naga::Module) -> Option<Self> {
        let found = NAMES.into_iter().find_map(|(name, of)| {
            let per_trip = constant(module, name).filter(|n| *n > 0.0)?;
            Some((of, per_trip))
        });
        let (of, per_trip) = found?;
        let fused = constant(module, "FUSED_PER_TRIP").map(|n| n as u32);
        Some(Self {
            of,
            per_trip,
            fused,
        })
    }
}

fn constant(module: &naga::Module, name: &str) -> Option<f64> {
    let mut all = module.constants.iter();
    let (_, constant) = all.find(|(_, it)| it.name.as_deref() == Some(name))?;
    let naga::Expression::Literal(value) = module.global_expressions[constant.init] else {
        return None;
    };
    Some(match value {
        naga::Literal::U32(n) => f64::from(n),
        naga::Literal::I32(n) => f64::from(n),
        naga::Literal::F32(n) => f64::from(n),
        naga::Literal::AbstractInt(n) => n as f64,
        naga::Literal::AbstractFloat(n) => n,
        _ => return None,
    })
}

impl Of {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Product => "product",
            Self::Pair => "pair",
        }
    }
}

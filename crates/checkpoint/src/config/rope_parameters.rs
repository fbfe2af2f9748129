//! Rotary settings of config.json, in both forms: `rope_theta` and `rope_scaling` at the top level, or, since
//! transformers 5, everything in `rope_parameters`.

use super::json::Fields;
use crate::CheckpointError;
use crate::rope::{Rope, RopeScaling};

/// Settings outside the rotary parameters that a rotary embedding depends on.
pub struct RopeContext {
    /// The default base.
    pub default_theta: f32,
    /// Values per head.
    pub head_dim: u32,
    /// Longest sequence.
    pub max_position_embeddings: u32,
    /// The default of `original_max_position_embeddings`.
    pub default_original: u32,
    /// Whether "yarn" is an old name of `longrope`, as in Phi-3's first files.
    pub yarn_is_longrope: bool,
}

/// Reads the rotary embedding of a model with a single one: `rope_parameters`, or `rope_scaling` with
/// `rope_theta` and other fields at the top level.
pub fn read(config: &Fields<'_>, around: &RopeContext) -> Result<Rope, CheckpointError> {
    let parameters = match config.object("rope_scaling")? {
        Some(old) => Some(old),
        None => config.object("rope_parameters")?,
    };
    one(config, parameters, "rope_theta", around)
}

/// Reads the rotary embedding described by `parameters`. Missing fields are looked up at the top level of
/// the config, as in older files, with the base under `theta_key`.
pub fn one(
    config: &Fields<'_>,
    parameters: Option<Fields<'_>>,
    theta_key: &str,
    around: &RopeContext,
) -> Result<Rope, CheckpointError> {
    let inner_f32 = |key: &str| parameters.map_or(Ok(None), |inner| inner.f32(key));
    let theta = match inner_f32("rope_theta")? {
        Some(theta) => theta,
        None => config.f32(theta_key)?.unwrap_or(around.default_theta),
    };
    let partial = match inner_f32("partial_rotary_factor")? {
        Some(factor) => factor,
        None => config.f32("partial_rotary_factor")?.unwrap_or(1.0),
    };
    if !(0.0..=1.0).contains(&partial) {
        let what = format!("partial_rotary_factor is {partial}, which is not between 0 and 1");
        return Err(CheckpointError::Damaged(what));
    }
    let mut rope = Rope::new(
        theta,
        (f64::from(around.head_dim) * f64::from(partial)) as u32,
    );
    let Some(parameters) = parameters else {
        return Ok(rope);
    };
    // Files before 2024 call it `type`.
    let kind = match parameters.str("rope_type")? {
        Some(kind) => Some(kind),
        None => parameters.str("type")?,
    };
    let factor = || parameters.f32("factor")?.ok_or_else(|| missing("factor"));
    // Phi-3 has this field at the top level, where transformers gives it priority.
    let original = || -> Result<u32, CheckpointError> {
        let outer = config.u32("original_max_position_embeddings")?;
        let inner = parameters.u32("original_max_position_embeddings")?;
        Ok(outer.or(inner).unwrap_or(around.default_original))
    };
    let kind = match kind {
        Some("su") => "longrope",
        Some("yarn") if around.yarn_is_longrope => "longrope",
        kind => kind.unwrap_or("default"),
    };
    rope.scaling = match kind {
        "default" | "none" => RopeScaling::None,
        "linear" => RopeScaling::Linear { factor: factor()? },
        "dynamic" => RopeScaling::Dynamic {
            factor: factor()?,
            original: around.max_position_embeddings,
        },
        "llama3" => RopeScaling::Llama3 {
            factor: factor()?,
            low_freq_factor: required(&parameters, "low_freq_factor")?,
            high_freq_factor: required(&parameters, "high_freq_factor")?,
            original: original()?,
        },
        "longrope" => {
            let original = original()?;
            let stretch = match parameters.f32("factor")? {
                Some(factor) => f64::from(factor),
                None => f64::from(around.max_position_embeddings) / f64::from(original.max(1)),
            };
            rope.attention_factor = match parameters.f32("attention_factor")? {
                Some(factor) => factor,
                None => longrope_attention_factor(stretch, original),
            };
            RopeScaling::LongRope {
                short: factors(&parameters, "short_factor")?,
                long: factors(&parameters, "long_factor")?,
                original,
            }
        }
        other => {
            let what = format!("the rotary scaling \"{other}\"");
            return Err(CheckpointError::Unsupported(what));
        }
    };
    Ok(rope)
}

/// The attention factor of longrope, √(1 + ln(stretch) / ln(original)), as in Phi-3.
pub fn longrope_attention_factor(stretch: f64, original: u32) -> f32 {
    if stretch <= 1.0 {
        1.0
    } else {
        (1.0 + stretch.ln() / f64::from(original).ln()).sqrt() as f32
    }
}

fn required(parameters: &Fields<'_>, key: &str) -> Result<f32, CheckpointError> {
    parameters.f32(key)?.ok_or_else(|| missing(key))
}

fn factors(parameters: &Fields<'_>, key: &str) -> Result<Vec<f32>, CheckpointError> {
    parameters.floats(key)?.ok_or_else(|| missing(key))
}

fn missing(key: &str) -> CheckpointError {
    CheckpointError::Missing(format!("{key} among the rotary parameters of config.json"))
}

//! The panels of the stage.

use crate::i18n::t;

/// A panel of the stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// The lessons.
    Lessons,
    /// Text and next-token bars.
    #[default]
    Next,
    /// From logits to the drawn token.
    Sampling,
    /// Several prompts in one batch.
    Batch,
    /// From text to token ids.
    Tokens,
    /// Attention of all heads, of a layer, and of one head.
    Attention,
    /// The logit lens: what each layer would predict.
    Lens,
    /// The residual stream, and the neurons that write to it.
    Residual,
    /// RoPE of queries and keys.
    Rope,
    /// The KV cache.
    Cache,
    /// Ablation of heads and layers, activation patching.
    Interventions,
    /// Generation with and without the KV cache.
    Race,
    /// Modules, parameters, bytes.
    Model,
    /// Weights in fewer bits.
    Quantisation,
    /// The time of each token.
    Timings,
}

/// A group of related panels.
pub struct Group {
    /// Its heading.
    pub title: fn() -> &'static str,
    /// In order of display.
    pub views: &'static [View],
}

/// The list of panels.
pub const GROUPS: [Group; 4] = [
    Group {
        title: || t("group-learn"),
        views: &[View::Lessons],
    },
    Group {
        title: || t("group-output"),
        views: &[View::Next, View::Sampling, View::Batch, View::Tokens],
    },
    Group {
        title: || t("group-inside"),
        views: &[
            View::Attention,
            View::Lens,
            View::Residual,
            View::Rope,
            View::Cache,
            View::Interventions,
        ],
    },
    Group {
        title: || t("group-machine"),
        views: &[View::Model, View::Quantisation, View::Race, View::Timings],
    },
];

impl View {
    /// The view's name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lessons => "lessons",
            Self::Next => "next",
            Self::Sampling => "sampling",
            Self::Batch => "batch",
            Self::Tokens => "tokens",
            Self::Attention => "attention",
            Self::Lens => "lens",
            Self::Residual => "residual",
            Self::Rope => "rope",
            Self::Cache => "cache",
            Self::Interventions => "interventions",
            Self::Race => "race",
            Self::Model => "model",
            Self::Quantisation => "quantisation",
            Self::Timings => "timings",
        }
    }

    /// The view with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        let all = GROUPS.iter().flat_map(|group| group.views);
        all.copied().find(|view| view.name() == name)
    }

    /// The view's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Lessons => t("view-lessons"),
            Self::Next => t("view-next"),
            Self::Sampling => t("view-sampling"),
            Self::Batch => t("view-batch"),
            Self::Tokens => t("view-tokens"),
            Self::Attention => t("view-attention"),
            Self::Lens => t("view-lens"),
            Self::Residual => t("view-residual"),
            Self::Rope => t("view-rope"),
            Self::Cache => t("view-cache"),
            Self::Interventions => t("view-interventions"),
            Self::Race => t("view-race"),
            Self::Model => t("view-model"),
            Self::Quantisation => t("view-quantisation"),
            Self::Timings => t("view-timings"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GROUPS, View};

    #[test]
    fn every_view_is_found_by_its_name() {
        for view in GROUPS.iter().flat_map(|group| group.views) {
            assert_eq!(View::of_name(view.name()), Some(*view));
        }
        assert_eq!(View::of_name("nowhere"), None);
    }
}

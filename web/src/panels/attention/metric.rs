//! Metrics of attention heads: one number for each head.

use vitrine_protocol::{HeadScore, TokenPacket};

use crate::i18n::t;

/// A metric of an attention head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// A thumbnail of the attention instead of a number.
    #[default]
    Maps,
    /// Mean entropy over the positions.
    Entropy,
    /// Mean probability on the previous token.
    Previous,
    /// Mean probability on position 0.
    First,
    /// Mean probability on the token that followed an earlier occurrence.
    Induction,
    /// Entropy at one generated token.
    TokenEntropy,
    /// The highest probability at one generated token.
    TokenMax,
    /// Probability on position 0 at one generated token.
    TokenFirst,
}

impl Metric {
    /// All metrics, in the order of the menu.
    pub const ALL: [Self; 8] = [
        Self::Maps,
        Self::Entropy,
        Self::Previous,
        Self::First,
        Self::Induction,
        Self::TokenEntropy,
        Self::TokenMax,
        Self::TokenFirst,
    ];

    /// Its identifier in the page's HTML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Maps => "maps",
            Self::Entropy => "entropy",
            Self::Previous => "previous",
            Self::First => "first",
            Self::Induction => "induction",
            Self::TokenEntropy => "token-entropy",
            Self::TokenMax => "token-max",
            Self::TokenFirst => "token-first",
        }
    }

    /// The metric of a name.
    pub fn of_name(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.unwrap_or_default()
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Maps => t("attention-maps"),
            Self::Entropy => t("attention-entropy"),
            Self::Previous => t("attention-previous"),
            Self::First => t("attention-first"),
            Self::Induction => t("attention-induction"),
            Self::TokenEntropy => t("attention-token-entropy"),
            Self::TokenMax => t("attention-token-max"),
            Self::TokenFirst => t("attention-token-first"),
        }
    }

    /// Whether it is read from the packet of a generated token.
    pub fn of_token(self) -> bool {
        matches!(self, Self::TokenEntropy | Self::TokenMax | Self::TokenFirst)
    }

    /// Whether it is in nats instead of a probability.
    pub fn is_entropy(self) -> bool {
        matches!(self, Self::Entropy | Self::TokenEntropy)
    }

    /// The corresponding metric that is available during a generation.
    pub fn live(self) -> Self {
        match self {
            Self::Entropy => Self::TokenEntropy,
            Self::Maps | Self::Previous | Self::Induction => Self::TokenMax,
            Self::First => Self::TokenFirst,
            of_token => of_token,
        }
    }
}

/// The value of each head, if known: (layers, heads).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    /// Query heads of a layer.
    pub heads: u32,
    /// By layer, then by head.
    pub values: Vec<Option<f64>>,
}

impl Values {
    /// A metric of all heads.
    pub fn of(metric: Metric, scores: &[HeadScore], packet: Option<&TokenPacket>) -> Self {
        if metric.of_token() {
            return packet
                .map(|it| Self::of_packet(metric, it))
                .unwrap_or_default();
        }
        let heads = scores.iter().map(|it| it.head + 1).max().unwrap_or(0);
        let value = |score: &HeadScore| match metric {
            Metric::Entropy => Some(score.entropy),
            Metric::Previous => Some(score.previous_token),
            Metric::First => Some(score.first_token),
            Metric::Induction => score.induction,
            _ => None,
        };
        Self {
            heads,
            values: scores.iter().map(value).collect(),
        }
    }

    fn of_packet(metric: Metric, packet: &TokenPacket) -> Self {
        let heads = packet.heads.first().map_or(0, Vec::len) as u32;
        let values = packet.heads.iter().flatten().map(|head| {
            let value = match metric {
                Metric::TokenEntropy => head.entropy,
                Metric::TokenMax => head.max,
                _ => head.first_token,
            };
            Some(f64::from(value))
        });
        Self {
            heads,
            values: values.collect(),
        }
    }

    /// The value of one head.
    pub fn at(&self, layer: u32, head: u32) -> Option<f64> {
        let index = (layer * self.heads + head) as usize;
        (head < self.heads).then(|| self.values.get(index).copied().flatten())?
    }

    /// Whether no head has a value.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }

    /// The highest value.
    pub fn max(&self) -> f64 {
        self.values.iter().flatten().copied().fold(0.0, f64::max)
    }

    /// The heads (layer, head, value) that have a value, the highest or the lowest first.
    pub fn ranked(&self, lowest_first: bool) -> Vec<(u32, u32, f64)> {
        let mut ranked: Vec<_> = (0_u32..)
            .zip(&self.values)
            .filter_map(|(index, value)| Some((index / self.heads, index % self.heads, (*value)?)))
            .collect();
        ranked.sort_by(|(.., a), (.., b)| {
            if lowest_first {
                a.total_cmp(b)
            } else {
                b.total_cmp(a)
            }
        });
        ranked
    }
}

#[cfg(test)]
mod tests {
    use vitrine_protocol::{HeadPacket, HeadScore, TokenPacket};

    use super::{Metric, Values};

    fn score(layer: u32, head: u32, entropy: f64) -> HeadScore {
        HeadScore {
            layer,
            head,
            entropy,
            previous_token: 0.25,
            first_token: 0.5,
            induction: (layer == 1).then_some(0.75),
        }
    }

    #[test]
    fn heads_are_ranked_by_their_value() {
        let scores = [
            score(0, 0, 0.5),
            score(0, 1, 2.0),
            score(1, 0, 1.0),
            score(1, 1, 0.1),
        ];
        let values = Values::of(Metric::Entropy, &scores, None);
        assert_eq!(values.at(0, 1), Some(2.0));
        assert_eq!(values.at(0, 2), None);
        assert_eq!(values.ranked(false)[0], (0, 1, 2.0));
        assert_eq!(values.ranked(true)[0], (1, 1, 0.1));
        let induction = Values::of(Metric::Induction, &scores, None);
        assert_eq!(induction.ranked(false).len(), 2);
    }

    #[test]
    fn a_packet_describes_one_token() {
        let head = |max| HeadPacket {
            entropy: 0.0,
            max,
            argmax: 0,
            first_token: 0.0,
        };
        let packet = TokenPacket {
            heads: vec![vec![head(0.25), head(0.5)], vec![head(0.75), head(1.0)]],
            ..TokenPacket::default()
        };
        let values = Values::of(Metric::TokenMax, &[], Some(&packet));
        assert_eq!(values.at(1, 0), Some(0.75));
        assert_eq!(Values::of(Metric::TokenMax, &[], None), Values::default());
    }

    #[test]
    fn every_metric_is_found_by_its_name() {
        for metric in Metric::ALL {
            assert_eq!(Metric::of_name(metric.name()), metric);
        }
    }
}

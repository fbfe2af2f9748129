use serde::{Deserialize, Serialize};

use crate::{AdapterSummary, ModelSummary, PassProfile};

/// What to measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchRequest {
    /// Lengths of prompts.
    pub prefill: Vec<u32>,
    /// Positions that the cache holds when decoding is measured.
    pub contexts: Vec<u32>,
    /// Tokens to decode at each.
    pub new_tokens: u32,
    /// Numbers of sequences that decode together.
    pub batches: Vec<u32>,
    /// Whether to measure the cost of packets.
    #[serde(default)]
    pub packets: bool,
    /// Whether to measure decoding without a KV cache too, at the same contexts.
    #[serde(default)]
    pub no_kv_cache: bool,
    /// Maximum runs of each measurement, which is repeated for a few seconds.
    pub runs: u32,
    /// Measurements that would take longer than this many seconds are left out.
    pub budget_s: f64,
}

impl BenchRequest {
    /// The default of `runs`, as in `llama-bench`.
    pub const RUNS: u32 = 5;
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// The adapter that computed.
    pub adapter: AdapterSummary,
    /// The model.
    pub model: ModelSummary,
    /// Prefill, one entry per length.
    pub prefill: Vec<Rate>,
    /// Decoding, one entry per context.
    pub decode: Vec<Rate>,
    /// Decoding without a KV cache, which reads all earlier tokens again, at each context; empty if it was not
    /// requested.
    #[serde(default)]
    pub without_kv_cache: Vec<Rate>,
    /// Decoding several sequences together, one entry per number.
    pub batch: Vec<BatchRate>,
    /// The cost of packets; empty if it was not requested.
    #[serde(default)]
    pub packets: Vec<PacketRate>,
    /// Profiles of the longest prompt that is one pass, and of a token at each context; empty without timestamps.
    #[serde(default)]
    pub profiles: Vec<PassProfile>,
    /// From the end of loading to the first token after a prompt of the first length, in seconds.
    pub first_token_s: Option<f64>,
    /// Dispatches of a decoded token, at the first context.
    pub dispatches_per_token: u32,
    /// Peak bytes of buffers on the GPU.
    #[serde(default)]
    pub peak_buffer_bytes: u64,
    /// Bytes per second of a copy within GPU memory, read and written.
    pub copy_bytes_per_s: f64,
    /// Measurements that would have exceeded the budget or the context, in words.
    pub left_out: Vec<String>,
}

/// Speed of tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Tokens read or decoded in a run.
    pub tokens: u32,
    /// Seconds including the time outside the GPU: the median of the runs.
    pub seconds: f64,
    /// Tokens per second, by that.
    pub tokens_per_s: f64,
    /// Seconds of each run, in order.
    pub run_seconds: Vec<f64>,
}

impl Speed {
    /// Of the seconds of at least one run of so many tokens.
    #[must_use]
    pub fn of(tokens: u32, run_seconds: Vec<f64>) -> Self {
        let seconds = median(&run_seconds);
        Self {
            tokens,
            seconds,
            tokens_per_s: f64::from(tokens) / seconds,
            run_seconds,
        }
    }

    /// Tokens per second of the slowest and the fastest run, if there were several.
    #[must_use]
    pub fn range(&self) -> Option<[f64; 2]> {
        if self.run_seconds.len() < 2 {
            return None;
        }
        let seconds = || self.run_seconds.iter().copied();
        let extremes = [
            seconds().fold(0.0, f64::max),
            seconds().fold(f64::MAX, f64::min),
        ];
        Some(extremes.map(|seconds| f64::from(self.tokens) / seconds))
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => (sorted[half - 1] + sorted[half]) / 2.0,
        _ => sorted[half],
    }
}

/// The speed of a prompt, or of decoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Length of the prompt, or positions in the cache.
    pub context: u32,
    /// How fast it was.
    #[serde(flatten)]
    pub speed: Speed,
    /// Bytes of weights, keys and values that a token reads; for decoding only.
    pub bytes_per_token: Option<u64>,
    /// Those bytes per second, as a share of the bandwidth of a copy.
    pub bandwidth_share: Option<f64>,
    /// The share of the seconds that no kernel ran: encoding, waiting, reading back, and what drivers do
    /// between kernels; for decoding where the adapter has timestamps, and was not slower while kernels were
    /// timed, which is a run of its own.
    #[serde(default)]
    pub outside_kernels: Option<f64>,
    /// The part of it outside the GPU, without what the driver does between kernels: the share of the
    /// seconds that no pass was under way; likewise.
    #[serde(default)]
    pub outside_gpu: Option<f64>,
}

/// The cost of inspection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PacketRate {
    /// The parts that were on, in words.
    pub parts: String,
    /// Seconds per token: the best of several runs, in turn with the others.
    pub seconds_per_token: f64,
    /// Relative to tokens without packets.
    pub ratio: f64,
}

/// Speed of several sequences that decode together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchRate {
    /// How many.
    pub sequences: u32,
    /// Positions in the cache of each.
    pub context: u32,
    /// How fast the tokens of all of them came.
    #[serde(flatten)]
    pub speed: Speed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_that_of_the_median_run() {
        let speed = Speed::of(6, vec![3.0, 1.0, 2.0]);
        assert_eq!((speed.seconds, speed.tokens_per_s), (2.0, 3.0));
        assert_eq!(speed.range(), Some([2.0, 6.0]));
        assert_eq!(Speed::of(6, vec![3.0, 1.0]).seconds, 2.0);
        assert_eq!(Speed::of(6, vec![3.0]).range(), None);
    }
}

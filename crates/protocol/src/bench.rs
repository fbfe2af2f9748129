use serde::{Deserialize, Serialize};

use crate::{AdapterSummary, ModelSummary, PassProfile};

/// A request to measure speeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchRequest {
    /// Prompt lengths for prefill.
    pub prefill: Vec<u32>,
    /// Positions in the cache when decoding is measured.
    pub contexts: Vec<u32>,
    /// Tokens to decode at each context.
    pub new_tokens: u32,
    /// Numbers of sequences that decode together.
    pub batches: Vec<u32>,
    /// Whether to measure the cost of packets.
    #[serde(default)]
    pub packets: bool,
    /// Whether to measure decoding without a KV cache too, at the same contexts.
    #[serde(default)]
    pub no_kv_cache: bool,
    /// Maximum runs of each measurement. It is repeated until a few seconds are spent, and runs at least once.
    pub runs: u32,
    /// Measurements that would take longer than this many seconds are skipped.
    pub budget_s: f64,
}

impl BenchRequest {
    /// Default of `runs`, as in `llama-bench`.
    pub const RUNS: u32 = 5;
}

/// The measured speeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// The adapter.
    pub adapter: AdapterSummary,
    /// The model.
    pub model: ModelSummary,
    /// Prefill, one entry per length.
    pub prefill: Vec<Rate>,
    /// Decoding, one entry per context.
    pub decode: Vec<Rate>,
    /// Decoding a token without a KV cache, which recomputes all tokens before it, at each context. Empty if not
    /// requested.
    #[serde(default)]
    pub without_kv_cache: Vec<Rate>,
    /// Decoding several sequences together, one entry per number.
    pub batch: Vec<BatchRate>,
    /// Cost of packets; empty if not requested.
    #[serde(default)]
    pub packets: Vec<PacketRate>,
    /// GPU time by kernel: for the longest prompt that is one pass, and for a token at each context. Empty if the
    /// adapter has no timestamps.
    #[serde(default)]
    pub profiles: Vec<PassProfile>,
    /// From the end of loading to the first token after a prompt of the first length, in seconds.
    pub first_token_s: Option<f64>,
    /// Dispatches per decoded token, at the first context.
    pub dispatches_per_token: u32,
    /// Peak size of all GPU buffers, in bytes.
    #[serde(default)]
    pub peak_buffer_bytes: u64,
    /// Bandwidth of a copy within GPU memory in bytes per second, counting reads and writes.
    pub copy_bytes_per_s: f64,
    /// Descriptions of measurements that would have exceeded the time or the context.
    pub left_out: Vec<String>,
}

/// Speed of prefill or decoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Tokens processed in a run.
    pub tokens: u32,
    /// Wall-clock seconds of a run: the median.
    pub seconds: f64,
    /// `tokens` / `seconds`.
    pub tokens_per_s: f64,
    /// Seconds of each run, in order.
    pub run_seconds: Vec<f64>,
}

impl Speed {
    /// Computes the speed from at least one run of `tokens` tokens.
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

    /// Tokens per second of the slowest and the fastest run; `None` for a single run.
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

/// The speed of prefill or decoding at one length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Length of the prompt, or positions in the cache.
    pub context: u32,
    /// The speed.
    #[serde(flatten)]
    pub speed: Speed,
    /// Bytes of weights, keys and values that one token reads; for decoding only.
    pub bytes_per_token: Option<u64>,
    /// Those bytes per second, as a share of the bandwidth of a copy.
    pub bandwidth_share: Option<f64>,
    /// Share of the time in which no kernel ran: encoding, waiting, readback, and the driver's work between kernels.
    /// For decoding only, if the adapter has timestamps and a separate run with timestamps was not slower.
    #[serde(default)]
    pub outside_kernels: Option<f64>,
    /// Share of the time in which no pass was running, which excludes the driver's work between kernels. Given under
    /// the same conditions.
    #[serde(default)]
    pub outside_gpu: Option<f64>,
}

/// Cost of packets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PacketRate {
    /// The enabled parts, in words.
    pub parts: String,
    /// Seconds per token: the best of several runs, which alternate with those of the other entries.
    pub seconds_per_token: f64,
    /// Ratio to the time of tokens without packets.
    pub ratio: f64,
}

/// Speed of several sequences that decode together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchRate {
    /// Number of sequences.
    pub sequences: u32,
    /// Positions in the cache of each.
    pub context: u32,
    /// Speed of all of them together.
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

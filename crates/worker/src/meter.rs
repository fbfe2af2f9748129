//! Progress for the page: throttled, with rate and time left.

use std::collections::BTreeSet;

use vitrine_protocol::{Event, LoadPhase, Progress, Shards, TensorPlace};

use crate::arrivals::Arrivals;
use crate::scope;

/// At most this often, in seconds.
const INTERVAL_S: f64 = 0.1;

/// A rate that is younger than this many seconds says nothing about the time left.
const SETTLED_S: f64 = 0.5;

/// Turns counts into `Event::Loading`.
#[derive(Default)]
pub struct Meter {
    /// The current file of weights, sent with the next report.
    pub shards: Option<Shards>,
    /// The bytes of the weights that have arrived, sent with the next report.
    pub arrived: Arrivals,
    /// The files of weights of which the page knows the tensors.
    told: BTreeSet<u32>,
    phase: Option<PhaseStart>,
    posted_s: f64,
}

#[derive(Clone, Copy)]
struct PhaseStart {
    phase: LoadPhase,
    at_s: f64,
    done: u64,
}

impl Meter {
    /// Whether the page knows the tensors of file number `file` of the weights.
    pub fn knows(&self, file: u32) -> bool {
        self.told.contains(&file)
    }

    /// Sends the page the locations of the tensors of file number `file` of the weights.
    pub fn tensors(&mut self, file: u32, tensors: Vec<TensorPlace>) {
        if self.told.insert(file) {
            scope::post(&Event::Tensors { tensors });
        }
    }

    /// Reports the progress of `phase` to the page, unless it did so a moment ago.
    pub fn report(&mut self, phase: LoadPhase, done: u64, total: u64) {
        let now_s = scope::now_s();
        let start = match self.phase {
            Some(start) if start.phase == phase => start,
            _ => {
                self.posted_s = 0.0;
                *self.phase.insert(PhaseStart {
                    phase,
                    at_s: now_s,
                    done,
                })
            }
        };
        if now_s - self.posted_s < INTERVAL_S && done < total {
            return;
        }
        self.posted_s = now_s;
        let mut progress = progress(start, done, total, now_s - start.at_s);
        progress.shards = self.shards;
        progress.arrived = self.arrived.all().to_vec();
        scope::post(&Event::Loading { progress });
    }
}

fn progress(start: PhaseStart, done: u64, total: u64, elapsed_s: f64) -> Progress {
    // Bytes that a resumed download found in storage do not count for the rate.
    let fresh = done.saturating_sub(start.done) as f64;
    let per_second = if elapsed_s > 0.0 {
        fresh / elapsed_s
    } else {
        0.0
    };
    let left = total.saturating_sub(done) as f64;
    let seconds_left = (elapsed_s >= SETTLED_S && per_second > 0.0).then(|| left / per_second);
    Progress {
        phase: start.phase,
        done,
        total,
        per_second,
        seconds_left,
        shards: None,
        arrived: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_leaves_out_what_was_there_before() {
        let start = PhaseStart {
            phase: LoadPhase::Download,
            at_s: 0.0,
            done: 40,
        };
        let progress = progress(start, 60, 100, 2.0);
        assert_eq!(progress.per_second, 10.0);
        assert_eq!(progress.seconds_left, Some(4.0));
    }

    #[test]
    fn an_early_rate_gives_no_time() {
        let start = PhaseStart {
            phase: LoadPhase::Download,
            at_s: 0.0,
            done: 0,
        };
        assert_eq!(progress(start, 10, 100, 0.1).seconds_left, None);
        assert_eq!(progress(start, 0, 100, 0.0).per_second, 0.0);
    }
}

//! Loads that fetch more than they use, with the reasons.

use super::table::Row;

/// Rows of the table that are above what others may be.
#[derive(Debug)]
pub struct Exception {
    kernel: &'static str,
    load: &'static str,
    /// How their shapes begin.
    pub shape: &'static str,
    pub reason: &'static str,
}

/// All of them are of caches as q8.
const NUMBERS: &str = "q8";

const SCALES: &str = "4 bytes behind each key or value, whose own bytes are the rest of the sector: loaded for the same page";
const RUNS: &str = "a key or a value and its scale are no whole sectors, so that runs begin within one: its other bytes are loaded in the same trip or the next";
const SHORT: &str = "runs of 16 bytes: the next trips load the rest of the sectors";

pub const ALL: [Exception; 8] = [
    of("attention/prompt", "key_quad", "", SHORT),
    of("attention/prompt", "key_scale", "", SCALES),
    of("attention/prompt", "value_scale", "", SCALES),
    of("attention/prompt", "value_quad", "96 dimensions", RUNS),
    of("attention/token", "key_scale", "", SCALES),
    of("attention/token", "value_scale", "", SCALES),
    of("attention/token", "value_quad", "96 dimensions", RUNS),
    // More queries leave less workgroup memory for keys.
    of(
        "attention/token",
        "key_quad",
        "256 dimensions, 8 queries",
        RUNS,
    ),
];

const fn of(
    kernel: &'static str,
    load: &'static str,
    shape: &'static str,
    reason: &'static str,
) -> Exception {
    Exception {
        kernel,
        load,
        shape,
        reason,
    }
}

impl Exception {
    /// That of a row.
    pub fn of(row: &Row) -> Option<&'static Self> {
        ALL.iter().find(|it| it.is_for(row))
    }

    /// Whether it is one for this row.
    pub fn is_for(&self, row: &Row) -> bool {
        (self.kernel, self.load) == (row.kernel, row.load.as_str())
            && row.numbers == NUMBERS
            && row.shape.starts_with(self.shape)
    }
}

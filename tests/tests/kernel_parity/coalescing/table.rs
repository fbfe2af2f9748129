//! The results as a table.

use std::collections::BTreeMap;
use std::fmt;

use super::exceptions::Exception;
use super::sectors::Ratio;
use super::{MOST, is_full};

/// A load of a kernel.
pub struct Row {
    pub kernel: &'static str,
    /// The function that loads.
    pub load: String,
    /// The number format of weights, or of the cache.
    pub numbers: String,
    /// Further properties that identify the kernel.
    pub shape: String,
    /// For the sizes of subgroups.
    pub ratios: [Ratio; 2],
}

/// Rows of Markdown. Loads that use all that is brought share one, and so do those of an exception.
pub fn markdown(rows: &[Row]) -> String {
    let mut lines: BTreeMap<[&str; 4], [Ratio; 2]> = BTreeMap::new();
    let mut reasons = BTreeMap::new();
    for row in rows {
        let exception = Exception::of(row);
        let (numbers, shape) = match exception {
            Some(exception) => (row.numbers.as_str(), exception.shape),
            None if is_full(&row.ratios) => ("others", ""),
            None => (row.numbers.as_str(), "others"),
        };
        let key = [row.kernel, &row.load, numbers, shape];
        let line = lines.entry(key).or_default();
        line[0].join(row.ratios[0]);
        line[1].join(row.ratios[1]);
        reasons.insert(key, exception.map_or("", |it| it.reason));
    }
    let mut text = String::from(
        "| kernel | load | numbers | shape | 32 invocations: mean, worst | 64: mean, worst | why |\n|---|---|---|---|---|---|---|\n",
    );
    for (key, [narrow, wide]) in lines {
        let [kernel, load, numbers, shape] = key;
        let why = reasons[&key];
        text +=
            &format!("| {kernel} | {load} | {numbers} | {shape} | {narrow} | {wide} | {why} |\n");
    }
    text
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}, {:.2}", self.mean(), self.worst)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kernel,
            load,
            numbers,
            shape,
            ratios: [narrow, wide],
        } = self;
        write!(
            f,
            "{kernel}, {load}, {numbers}, {shape}: {narrow} for 32 invocations, {wide} for 64, where {MOST} is the most"
        )
    }
}

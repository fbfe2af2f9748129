//! What became better or worse since an earlier run.

use std::collections::BTreeMap;

use crate::families::Family;
use crate::report::Report;
use crate::rows::{self, Cell, Key, Row};

/// A figure's name, whether more is better, and the figure.
type Figure = (&'static str, bool, fn(&Cell) -> Option<f64>);

const FIGURES: [Figure; 8] = [
    ("VGPRs", false, |cell| Some(cell.vgprs.into())),
    ("spilled", false, |cell| Some(cell.spilled.into())),
    ("scratch bytes", false, |cell| Some(cell.scratch.into())),
    ("LDS bytes", false, |cell| Some(cell.lds.into())),
    ("waves", true, |cell| cell.waves.map(f64::from)),
    ("instructions", false, |cell| Some(cell.instructions.into())),
    ("per unit", false, |cell| cell.per_unit),
    ("fused %", true, |cell| {
        cell.fused.map(|share| share * 100.0)
    }),
];

/// The difference of two runs, in lines.
pub fn compare(before: &Report, now: &Report) -> String {
    let (old, new) = (rows::rows(before), rows::rows(now));
    let mut text = String::new();
    if before.driver != now.driver {
        text += &format!(
            "Other compilers: {} then, {} now\n",
            before.driver, now.driver
        );
    }
    let mut counts = BTreeMap::new();
    for (key, row) in &new {
        let Some(before) = old.get(key) else { continue };
        for family in Family::ALL {
            if let Some((verdict, changes)) = change(before, row, family) {
                *counts.entry(verdict).or_insert(0) += 1;
                text += &format!("{verdict:<7} {family:<6}  {key}: {changes}\n");
            }
        }
    }
    let only = |a: &BTreeMap<Key, Row>, b: &BTreeMap<Key, Row>| {
        a.keys().filter(|key| !b.contains_key(key)).count()
    };
    let count = |verdict| counts.get(verdict).copied().unwrap_or(0);
    text += &format!(
        "{} better, {} worse, {} better in one and worse in another; {} rows are new, {} are gone\n",
        count("better"),
        count("worse"),
        count("mixed"),
        only(&new, &old),
        only(&old, &new)
    );
    text
}

fn change(before: &Row, now: &Row, family: Family) -> Option<(&'static str, String)> {
    let (before, now) = (before.cells.get(&family)?, now.cells.get(&family)?);
    let (mut better, mut worse, mut changes) = (false, false, Vec::new());
    for (name, more_is_better, of) in FIGURES {
        let (Some(old), Some(new)) = (of(before), of(now)) else {
            continue;
        };
        if (new - old).abs() < 0.005 {
            continue;
        }
        match (new > old) == more_is_better {
            true => better = true,
            false => worse = true,
        }
        let digits = if name == "per unit" { 2 } else { 0 };
        changes.push(format!("{name} {old:.digits$} → {new:.digits$}"));
    }
    let verdict = match (better, worse) {
        (false, false) => return None,
        (true, false) => "better",
        (false, true) => "worse",
        (true, true) => "mixed",
    };
    Some((verdict, changes.join(", ")))
}

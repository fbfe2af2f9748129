//! The kept figures, and what must not happen to them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::families::Family;
use crate::report::Report;
use crate::rows::{self, Key, Row};
use crate::table::{self, Style};

/// Where they are, from the repository's root.
const FIGURES: &str = "docs/isa.json";
/// The same as text.
const TABLE: &str = "docs/isa.md";
/// How much more instructions are too many.
const MOST: f64 = 1.05;

/// Instructions per weight, product or pair, by driver, row and family.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kept(BTreeMap<String, BTreeMap<String, BTreeMap<Family, f64>>>);

impl Kept {
    /// The table in the repository.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn read(root: &Path) -> Result<Self> {
        match fs::read(root.join(FIGURES)) {
            Ok(text) => {
                serde_json::from_slice(&text).with_context(|| format!("{FIGURES} is damaged"))
            }
            Err(_) => Ok(Self::default()),
        }
    }

    /// What a run found that must not be: a sentence each. A driver of which nothing is kept is only looked at for
    /// spills.
    pub fn check(&self, report: &Report) -> Vec<String> {
        let mut found = Vec::new();
        let kept = self.0.get(&report.driver);
        for (key, row) in rows::rows(report) {
            for (family, cell) in &row.cells {
                if cell.spilled > 0 || cell.scratch > 0 {
                    let (spilled, scratch) = (cell.spilled, cell.scratch);
                    found.push(format!(
                        "{key}: spills {spilled} registers and has {scratch} bytes of scratch on {family}"
                    ));
                }
                let before = kept.and_then(|rows| rows.get(&key.to_string())?.get(family));
                if let (Some(before), Some(now)) = (before, cell.per_unit)
                    && now > before * MOST
                {
                    let unit = row.unit;
                    found.push(format!(
                        "{key}: {now:.2} instructions per {unit} on {family}, where {FIGURES} has {before:.2}"
                    ));
                }
            }
        }
        found
    }

    /// Whether there are figures of this driver.
    pub fn has(&self, driver: &str) -> bool {
        self.0.contains_key(driver)
    }

    /// Replaces the figures of the same driver by those of a run, and writes them.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(mut self, root: &Path, report: &Report) -> Result<()> {
        let rows = rows::rows(report);
        let figures = rows.iter().filter_map(|(key, row)| {
            let of_family =
                |(family, cell): (&Family, &rows::Cell)| Some((*family, round(cell.per_unit?)));
            let cells: BTreeMap<_, _> = row.cells.iter().filter_map(of_family).collect();
            (!cells.is_empty()).then(|| (key.to_string(), cells))
        });
        self.0.insert(report.driver.clone(), figures.collect());
        let json = serde_json::to_string_pretty(&self)? + "\n";
        fs::write(root.join(FIGURES), json).with_context(|| format!("{FIGURES} cannot be written"))
    }
}

/// Writes the table of a run over that of the same driver.
///
/// # Errors
/// When it cannot be written.
pub fn write_table(root: &Path, report: &Report) -> Result<()> {
    let before = fs::read_to_string(root.join(TABLE)).unwrap_or_default();
    let text = with_section(&before, &report.driver, &section(&rows::rows(report)));
    fs::write(root.join(TABLE), text).with_context(|| format!("{TABLE} cannot be written"))
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn section(rows: &BTreeMap<Key, Row>) -> String {
    let kernels: usize = rows.values().map(|row| row.kernels).sum();
    let spilling = |row: &&Row| {
        row.cells
            .values()
            .any(|cell| cell.spilled > 0 || cell.scratch > 0)
    };
    let spilling = rows.values().filter(spilling).count();
    let tables = table::tables(rows, &Family::ALL, Style::Markdown);
    format!(
        "{kernels} kernels in {} rows, of which {spilling} spill.\n{tables}",
        rows.len()
    )
}

const TITLE: &str = "# What GPU compilers make of the kernels";
const HEADING: &str = "\n## ";

/// The text with this section instead of that of the same driver, or appended.
fn with_section(before: &str, driver: &str, section: &str) -> String {
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    for old in before.split(HEADING).skip(1) {
        if let Some((title, body)) = old.split_once('\n') {
            sections.insert(title, body.trim().to_owned());
        }
    }
    sections.insert(driver, section.trim().to_owned());
    let intro = format!(
        "{TITLE}\n\n`cargo xtask isa --write` makes this page. It compiles the kernels that plans ask for at the shapes of five \
        models (`crates/isa`) with RADV, Mesa's compiler for AMD GPUs, on a machine without these GPUs. The figures are a compiler's, \
        not a device's. [Decision 29](decisions/29-compiler-reports.md) explains how they are made.\n\n\
        Each section is headed by the version of Mesa that compiled it: this machine's, or another that `--driver FILE` or \
        `VITRINE_RADV_ICD` names (FILE is its `radeon_icd.x86_64.json`). For the Mesa of another system, run `vitrine-isa --json > \
        FILE` there and `cargo xtask isa --from FILE --write` here. `docs/isa.json`, which `--check` compares with, has only figures \
        of drivers that ran on the machine itself.\n\n{}\n",
        table::LEGEND
    );
    let sections = sections
        .iter()
        .map(|(title, body)| format!("{HEADING}{title}\n\n{body}\n"));
    intro + &sections.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_replaces_that_of_the_same_driver() {
        let first = with_section("", "Mesa 2", "two");
        let both = with_section(&first, "Mesa 1", "one\n\n### a\n");
        let again = with_section(&both, "Mesa 2", "three");
        assert!(again.starts_with(TITLE) && again.contains("## Mesa 1\n\none\n\n### a\n"));
        assert!(again.contains("## Mesa 2\n\nthree\n") && !again.contains("two"));
        assert_eq!(with_section(&again, "Mesa 2", "three"), again);
    }
}

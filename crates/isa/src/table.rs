//! Rows as a table, for a terminal or for Markdown.

use std::collections::BTreeMap;

use crate::families::Family;
use crate::rows::{Cell, Key, Row};

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Columns of spaces.
    Terminal,
    /// With bars.
    Markdown,
}

/// What columns mean.
pub const LEGEND: &str = "A row groups kernels that are alike and shows the worst of each figure. VGPRs: vector registers per \
    invocation; after a +, registers that are spilled to memory, or bytes of scratch. Waves: subgroups that a SIMD unit can hold at a \
    time. Per: instructions of the inner loop per weight, per product of a weight and one of several tokens, or per pair of query \
    and key (its scores); of the whole loop if the kernel does not say how many its loop covers, and in brackets if the compiler \
    unrolled that loop. Fused: share of fused multiply-adds in the inner loop. LDS: bytes of workgroup memory.";

/// The rows as one table for each shader.
pub fn tables(rows: &BTreeMap<Key, Row>, families: &[Family], style: Style) -> String {
    let mut text = String::new();
    let mut names: Vec<&str> = rows.keys().map(|key| key.name.as_str()).collect();
    names.dedup();
    for name in names {
        let mut lines = vec![head(families)];
        let of_name = rows.iter().filter(|(key, _)| key.name == name);
        lines.extend(of_name.map(|(key, row)| line(key, row, families)));
        let title = match style {
            Style::Terminal => format!("\n{name}\n"),
            Style::Markdown => format!("\n### {name}\n\n"),
        };
        text += &title;
        text += &aligned(&lines, style);
    }
    text
}

fn head(families: &[Family]) -> Vec<String> {
    let first = [
        "pass",
        "weights",
        "numbers",
        "kernels",
        "LDS",
        "instructions",
        "per",
    ];
    let mut cells = first.map(str::to_owned).to_vec();
    for family in families {
        cells.extend([
            format!("{family}: VGPRs/waves"),
            "per".to_owned(),
            "fused".to_owned(),
        ]);
    }
    cells
}

fn line(key: &Key, row: &Row, families: &[Family]) -> Vec<String> {
    let most = |of: fn(&Cell) -> u32| row.cells.values().map(of).max().unwrap_or(0).to_string();
    let mut cells = vec![
        key.pass.clone(),
        key.weights.clone(),
        key.numbers.clone(),
        row.kernels.to_string(),
        most(|cell| cell.lds),
        most(|cell| cell.instructions),
        match row.unit {
            "" if row.cells.values().any(|cell| cell.inner > 0) => "loop".to_owned(),
            unit => unit.to_owned(),
        },
    ];
    for family in families {
        match row.cells.get(family) {
            Some(cell) => cells.extend(of_family(cell, row.unit)),
            None => cells.extend(["", "", ""].map(str::to_owned)),
        }
    }
    cells
}

fn of_family(cell: &Cell, unit: &str) -> [String; 3] {
    let extra = match (cell.spilled, cell.scratch) {
        (0, 0) => String::new(),
        (0, scratch) => format!(" +{scratch} B"),
        (spilled, _) => format!(" +{spilled}"),
    };
    let per = match (cell.per_unit, cell.inner) {
        (Some(per), _) => format!("{per:.2}"),
        (None, 0) => String::new(),
        (None, inner) if unit.is_empty() => inner.to_string(),
        (None, inner) => format!("({inner})"),
    };
    let fused = cell
        .fused
        .map_or(String::new(), |share| format!("{:.0} %", share * 100.0));
    [
        format!("{}{extra}/{}", cell.vgprs, cell.waves.unwrap_or(0)),
        per,
        fused,
    ]
}

/// Aligned columns: text to the left, numbers to the right.
fn aligned(lines: &[Vec<String>], style: Style) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let between = match style {
        Style::Terminal => "  ",
        Style::Markdown => " | ",
    };
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells =
            line.iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| match column {
                    0..3 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                });
        let cells: Vec<String> = cells.collect();
        let joined = cells.join(between);
        match style {
            Style::Terminal => text += &format!("  {}\n", joined.trim_end()),
            Style::Markdown => text += &format!("| {joined} |\n"),
        }
        if number == 0 && style == Style::Markdown {
            let rule = widths
                .iter()
                .enumerate()
                .map(|(column, width)| match column {
                    0..3 => "-".repeat(*width),
                    _ => format!("{}:", "-".repeat(width.saturating_sub(1))),
                });
            text += &format!("| {} |\n", rule.collect::<Vec<_>>().join(between));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_bars_where_they_are_markdown() {
        let lines = [["a", "b", "c", "1"], ["aa", "", "c", "22"]]
            .map(|line| line.map(str::to_owned).to_vec());
        assert_eq!(
            aligned(&lines, Style::Terminal),
            "  a   b  c   1\n  aa     c  22\n"
        );
        assert_eq!(
            aligned(&lines, Style::Markdown),
            "| a  | b | c |  1 |\n| -- | - | - | -: |\n| aa |   | c | 22 |\n"
        );
    }
}

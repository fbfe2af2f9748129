//! `vitrine next --steps`: from logits to a drawn token.

use std::io::{self, Write};

use vitrine_protocol::StepsReport;

use crate::text::{fit, token};

/// Cells of a token's name.
const NAME: usize = 16;

/// A table of the best tokens, what each filter removed, and the draw.
pub fn print(report: &StepsReport) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let bold = anstyle::Style::new().bold();
    let dim = anstyle::Style::new().dimmed();
    let params = &report.params;
    let divisor = format!("÷ {}", params.temperature);
    let heads = [
        "logit".to_owned(),
        "penalties".to_owned(),
        divisor,
        "softmax".to_owned(),
        format!("top_k {}", params.top_k),
        format!("top_p {}", params.top_p),
        format!("min_p {}", params.min_p),
    ];
    write!(out, "{dim}{}", fit("token", NAME))?;
    for head in heads {
        write!(out, "  {head:>10}")?;
    }
    writeln!(out, "{dim:#}")?;
    for row in &report.tokens {
        let drawn = row.piece.id == report.drawn.id;
        let style = if drawn { bold } else { anstyle::Style::new() };
        write!(out, "{style}{}", fit(&token(&row.piece), NAME))?;
        for logit in [row.logit, row.penalized, row.scaled] {
            write!(out, "  {logit:>10.4}")?;
        }
        let steps = [
            row.probability,
            row.after_top_k,
            row.after_top_p,
            row.after_min_p,
        ];
        for probability in steps {
            match probability > 0.0 {
                true => write!(out, "  {:>8.4} %", probability * 100.0)?,
                false => write!(out, "  {:>10}", "–")?,
            }
        }
        writeln!(out, "{style:#}")?;
    }
    writeln!(out)?;
    for filter in &report.filters {
        let first: Vec<String> = filter.first_removed.iter().map(token).collect();
        let named = match first.is_empty() {
            true => String::new(),
            false => format!(": {} first", first.join(", ")),
        };
        writeln!(
            out,
            "{} removed {} tokens and left {}{named}",
            filter.name, filter.removed, filter.kept
        )?;
    }
    let draw = &report.draw;
    writeln!(
        out,
        "the draw: {:.6} falls on {bold}{}{bold:#}, which lies from {:.6} to {:.6}",
        draw.u,
        token(&report.drawn),
        draw.start,
        draw.start + draw.probability,
    )
}

//! `vitrine next --positions`: the prediction at each position of a prompt.

use std::io::{self, Write};

use vitrine_protocol::PositionReport;

use crate::text::{candidate, fit, token};

/// Cells of a token's name.
const NAME: usize = 16;

/// A line for each position, and the mean surprisal.
pub fn print(positions: &[PositionReport]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let dim = anstyle::Style::new().dimmed();
    writeln!(
        out,
        "{dim}position  {}  {}  {:>9}  {}  {:>9}  {:>6}  {:>9}{dim:#}",
        fit("token", NAME),
        fit("most probable", NAME),
        "",
        fit("what follows", NAME),
        "",
        "rank",
        "surprisal",
    )?;
    let mut bits = Vec::new();
    for position in positions {
        let best = position.distribution.top.first();
        write!(
            out,
            "{:>8}  {}  {}  {:>7.2} %",
            position.position,
            fit(&token(&position.piece), NAME),
            fit(&best.map(candidate).unwrap_or_default(), NAME),
            best.map_or(0.0, |best| best.probability * 100.0),
        )?;
        match &position.following {
            Some(following) => {
                bits.push(following.surprisal_bits);
                writeln!(
                    out,
                    "  {}  {:>7.2} %  {:>6}  {:>4.2} bits",
                    fit(&token(&following.piece), NAME),
                    following.probability * 100.0,
                    following.rank,
                    following.surprisal_bits,
                )?;
            }
            None => writeln!(out)?,
        }
    }
    if !bits.is_empty() {
        let mean = bits.iter().sum::<f64>() / bits.len() as f64;
        writeln!(
            out,
            "mean surprisal {mean:.3} bits, perplexity {:.2}",
            mean.exp2()
        )?;
    }
    Ok(())
}

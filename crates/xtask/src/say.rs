//! What the person at the terminal reads while a task runs.

use std::{
    fmt::Display,
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};

use crate::shell;

/// Prints a headline: what begins now.
pub fn begin(what: impl Display) -> Instant {
    if styled() {
        eprintln!("\x1b[1;36m==>\x1b[0m \x1b[1m{what}\x1b[0m");
    } else {
        eprintln!("==> {what}");
    }
    Instant::now()
}

/// Prints how the step that began at `since` ended, and how long it took.
pub fn done(since: Instant, result: impl Display) {
    eprintln!("    {result} ({})", duration(since.elapsed()));
}

/// Prints a line that belongs to the step at hand.
pub fn note(what: impl Display) {
    eprintln!("    {what}");
}

/// A duration as a person would say it.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

/// A number of bytes as a person would say it.
pub fn bytes(count: u64) -> String {
    let count = count as f64;
    if count < 1e6 {
        format!("{:.0} kB", count / 1e3)
    } else {
        format!("{:.2} MB", count / 1e6)
    }
}

/// Whether to write colour: only for a person at a terminal who did not ask for none.
fn styled() -> bool {
    stderr().is_terminal() && !shell::is_set("NO_COLOR") && !shell::is_set("CI")
}

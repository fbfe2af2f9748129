//! Progress of fetching a model, and its display in the terminal.

use std::{
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::HubError;

/// Progress of fetching a model.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Begins to fetch from a source; the following events concern it.
    Trying {
        /// The source, as the words after "fetching the model".
        source: &'a str,
    },
    /// Begins to fetch one of several files.
    File {
        /// Its name.
        name: &'a str,
        /// Its number, starting at 1.
        number: usize,
        /// Number of files.
        count: usize,
    },
    /// Bytes were written to the cache folder.
    Bytes {
        /// Bytes so far.
        done: u64,
        /// Total bytes.
        total: u64,
    },
    /// A source failed; the next one is tried.
    Failed {
        /// The cause.
        error: &'a HubError,
    },
    /// The connection broke; the download resumes after a pause.
    Retrying {
        /// The cause.
        reason: &'a str,
    },
    /// Waits for another program that is fetching the same file.
    Waiting,
    /// The cached files are used instead.
    Cached,
}

/// Interval of progress lines where standard error is not a terminal, such as in a log.
const LINE_EVERY: Duration = Duration::from_secs(3);

/// Shows progress on standard error: a bar in a terminal, otherwise lines.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    /// The current file and its number, if there are several files.
    file: String,
    last_line: Instant,
}

impl Display {
    pub(crate) fn new() -> Self {
        Self {
            bar: None,
            file: String::new(),
            last_line: Instant::now(),
        }
    }

    pub(crate) fn show(&mut self, progress: &Progress<'_>) {
        match *progress {
            Progress::Trying { source } => {
                self.finish();
                eprintln!("    fetching the model {source}");
            }
            Progress::File {
                name,
                number,
                count,
            } => {
                self.file = format!("{name} ({number}/{count})");
                if let Some(bar) = &self.bar {
                    bar.set_message(self.file.clone());
                } else if !stderr().is_terminal() {
                    eprintln!("    fetching {}", self.file);
                }
            }
            Progress::Bytes { done, total } if stderr().is_terminal() => {
                let bar = self
                    .bar
                    .get_or_insert_with(|| bar(total).with_message(self.file.clone()));
                bar.set_position(done);
                if done == total {
                    self.finish();
                }
            }
            Progress::Bytes { done, total } => self.line(done, total),
            Progress::Failed { error } => {
                self.finish();
                eprintln!("    {error}");
            }
            Progress::Retrying { reason } => {
                self.finish();
                eprintln!("    the connection broke ({reason}); retrying");
            }
            Progress::Waiting => eprintln!("    waiting: another program is fetching this file"),
            Progress::Cached => eprintln!("    using the cached files"),
        }
    }

    fn line(&mut self, done: u64, total: u64) {
        if self.last_line.elapsed() >= LINE_EVERY || done == total {
            let percent = done * 100 / total.max(1);
            eprintln!(
                "    {:.1} of {:.1} MB ({percent} %)",
                done as f64 / 1e6,
                total as f64 / 1e6
            );
            self.last_line = Instant::now();
        }
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish();
        }
    }
}

fn bar(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "    {bar:40} {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left  {msg}",
    );
    let bar = ProgressBar::new(total);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

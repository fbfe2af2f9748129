//! What happens while a model is fetched, for a program and for a person.

use std::{
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::HubError;

/// What happens while a model is fetched.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A source is tried now; what follows is about it.
    Trying {
        /// The source, to be read after "fetching the model".
        source: &'a str,
    },
    /// The next of several files is fetched.
    File {
        /// Its name.
        name: &'a str,
        /// Which of the files it is, from 1 on.
        number: usize,
        /// How many files there are.
        count: usize,
    },
    /// Bytes of the model are in the cache folder.
    Bytes {
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The source did not help; the next is tried.
    Failed {
        /// Why.
        error: &'a HubError,
    },
    /// The connection broke; the download goes on after a pause.
    Retrying {
        /// Why.
        reason: &'a str,
    },
    /// Another program is fetching the same file.
    Waiting,
    /// What the cache has is used instead.
    Cached,
}

/// How often a terminal that is none (a log) gets a line.
const LINE_EVERY: Duration = Duration::from_secs(3);

/// Shows progress on standard error: a bar on a terminal, now and then a line elsewhere.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    /// What is fetched now, where there are several files.
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
                eprintln!("    the connection broke ({reason}); going on");
            }
            Progress::Waiting => eprintln!("    waiting for another program that fetches the same"),
            Progress::Cached => eprintln!("    using what the cache has"),
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

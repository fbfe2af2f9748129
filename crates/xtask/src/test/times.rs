//! How long each step took when it last passed as a whole, in `target/test-times.json`.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use anyhow::Result;

use crate::{files, workspace::Workspace};

/// Seconds by the names of steps.
pub struct Times {
    path: PathBuf,
    seconds: BTreeMap<String, f64>,
}

impl Times {
    /// What is kept; nothing where there is no file, or one that is no longer understood.
    pub fn read(workspace: &Workspace) -> Self {
        let path = workspace.target.join("test-times.json");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let seconds = serde_json::from_str(&text).unwrap_or_default();
        Self { path, seconds }
    }

    /// How long a step took.
    pub fn of(&self, step: &str) -> Option<Duration> {
        let seconds = *self.seconds.get(step)?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Keeps how long a step took.
    pub fn keep(&mut self, step: &str, time: Duration) -> Result<()> {
        self.seconds.insert(step.to_owned(), time.as_secs_f64());
        files::write(&self.path, serde_json::to_string_pretty(&self.seconds)?)
    }
}

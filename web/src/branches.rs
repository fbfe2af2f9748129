//! Branches of the sequence: a tree of runs that share their beginning, here and in the cache.

use leptos::prelude::*;

use crate::strip::{Snapshot, Strip};

/// A run of the tree.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Run number.
    pub run: u32,
    /// Where it forked from another run; `None` for the first.
    pub from: Option<Fork>,
    /// Its sequence while another run is on the strip.
    left: Option<Snapshot>,
}

/// Where a run forked from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Fork {
    /// The run it was forked from.
    pub of: u32,
    /// Number of tokens they share.
    pub position: u32,
    /// The inserted token, as shown.
    pub token: String,
}

/// All runs since the last prompt.
#[derive(Clone, Copy)]
pub struct Branches {
    /// In order of creation.
    pub all: RwSignal<Vec<Branch>>,
}

impl Branches {
    /// An empty tree.
    pub fn new() -> Self {
        Self {
            all: RwSignal::new(Vec::new()),
        }
    }

    /// Removes all branches and begins with run number `run`.
    pub fn begin(&self, run: u32) {
        self.all.set(vec![Branch {
            run,
            from: None,
            left: None,
        }]);
    }

    /// Discards all runs.
    pub fn clear(&self) {
        self.all.set(Vec::new());
    }

    /// Adds a run that forks from the one on the strip.
    pub fn add(&self, run: u32, from: Fork, strip: Strip) {
        self.leave(strip);
        self.all.update(|all| {
            all.push(Branch {
                run,
                from: Some(from),
                left: None,
            });
        });
    }

    /// Renumbers the run on the strip, which continues under another number.
    pub fn renumber(&self, from: u32, to: u32) {
        self.all.update(|all| {
            for branch in all.iter_mut() {
                if branch.run == from {
                    branch.run = to;
                }
                if let Some(fork) = &mut branch.from
                    && fork.of == from
                {
                    fork.of = to;
                }
            }
        });
    }

    /// Shows another run on the strip.
    pub fn show(&self, run: u32, strip: Strip) {
        if strip.run.get_untracked() == run {
            return;
        }
        self.leave(strip);
        let snapshot = self.all.with_untracked(|all| {
            let branch = all.iter().find(|branch| branch.run == run)?;
            branch.left.clone()
        });
        if let Some(snapshot) = snapshot {
            strip.restore(snapshot);
        }
    }

    fn leave(&self, strip: Strip) {
        let snapshot = strip.snapshot();
        self.all.update(|all| {
            if let Some(branch) = all.iter_mut().find(|branch| branch.run == snapshot.run) {
                branch.left = Some(snapshot);
            }
        });
    }
}

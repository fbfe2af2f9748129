//! `cargo xtask isa`, which is a program of its own: it knows kernels and models, and this one need not be built
//! again with them.

use std::env;

use anyhow::Result;

use crate::{shell, workspace::Workspace};

/// Builds it and runs it with these arguments.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut command = shell::cargo(workspace);
    command
        .args(["run", "--release", "--quiet", "--package", "vitrine-isa"])
        .arg("--")
        .args(arguments)
        // Files that somebody names are named from here.
        .current_dir(env::current_dir()?);
    shell::run(&mut command, "`cargo xtask isa`")
}

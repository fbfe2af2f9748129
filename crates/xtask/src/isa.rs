//! `cargo xtask isa`, which is a program of its own: it knows kernels and models, and the rest of this one need
//! not be built again with them.

use std::env;

use anyhow::Result;

use crate::{shell, workspace::Workspace};

/// Builds it and runs it with these arguments.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut command = shell::cargo(workspace);
    command
        .args([
            "run",
            "--release",
            "--quiet",
            "--package",
            "vitrine-isa",
            "--",
        ])
        .args(arguments);
    shell::run(&mut command, "`cargo xtask isa`")
}

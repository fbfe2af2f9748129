//! `cargo xtask isa`, which is a program of its own: it knows kernels and models, and this one need not be built
//! again with them.

use std::{env, path::Path, process::Command};

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

/// Looks for kernels that spill or became longer, with the program as the workspace has it.
pub fn check(workspace: &Workspace) -> Result<()> {
    let name = Path::new("vitrine-isa").with_extension(env::consts::EXE_EXTENSION);
    let mut command = Command::new(workspace.target.join("release").join(name));
    shell::run(command.arg("--check"), "`cargo xtask isa --check`")
}

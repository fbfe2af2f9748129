//! The test programs: which step runs which, compiled and run by cargo.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::{setup::Setup, step::Step};
use crate::{shell, workspace::Workspace};

/// Every package but this one, whose running program some systems cannot replace. Always the same
/// selection, and always with a test, so that cargo unifies features the same way and builds nothing
/// twice.
const PACKAGES: [&str; 4] = ["--release", "--workspace", "--exclude", "xtask"];
const XTASK: [&str; 3] = ["--release", "--package", "xtask"];

/// Compiles the tests of these steps, or all tests if they have none.
pub fn build(setup: &Setup, steps: &[Step]) -> Result<()> {
    let has_tests = steps.iter().any(|step| step.has_tests());
    let steps = if has_tests { steps } else { Step::ALL };
    let mut tests = setup.cargo(&["test", "--no-run"]);
    tests.args(PACKAGES);
    for step in steps {
        tests.args(targets(setup.workspace, *step)?);
    }
    shell::run(&mut tests, "the native build")?;
    if steps.contains(&Step::Unit) {
        let mut xtask = setup.cargo(&["test", "--no-run"]);
        shell::run(xtask.args(XTASK), "the build of the tests of xtask")?;
    }
    if steps.contains(&Step::Page) {
        let mut program = setup.cargo(&["build", "--bin", "vitrine", "--test", "page"]);
        shell::run(program.args(PACKAGES), "the build of the native program")?;
    }
    Ok(())
}

/// The program of `cargo xtask isa`.
pub fn build_isa(setup: &Setup) -> Result<()> {
    let mut isa = setup.cargo(&["build", "--bin", "vitrine-isa"]);
    shell::run(isa.args(PACKAGES), "the build of vitrine-isa")
}

/// Runs the tests of a step that `filter` names.
pub fn run(setup: &Setup, step: Step, filter: &[&str]) -> Result<()> {
    if !filter.is_empty() {
        let mut found = String::new();
        for mut list in commands(setup, step, filter)? {
            let output = list.arg("--list").stderr(Stdio::null()).output();
            found += &String::from_utf8_lossy(&output.context("cannot start cargo")?.stdout);
        }
        // That nothing ran does not mean that all passed.
        ensure!(
            found.lines().any(|line| line.ends_with(": test")),
            "no test of this step has one of these in its name: {}",
            filter.join(", ")
        );
    }
    commands(setup, step, filter)?
        .iter_mut()
        .try_for_each(|command| shell::run(command, "a test"))
}

fn commands(setup: &Setup, step: Step, filter: &[&str]) -> Result<Vec<Command>> {
    let mut commands = Vec::new();
    for options in rounds(step, filter.is_empty()) {
        let mut tests = setup.cargo(&["test"]);
        tests.args(PACKAGES).args(targets(setup.workspace, step)?);
        if step == Step::Page {
            setup.hand_over(&mut tests)?;
        }
        tests.arg("--").args(*options).args(filter);
        commands.push(tests);
    }
    if step == Step::Unit {
        let mut xtask = setup.cargo(&["test"]);
        xtask.args(XTASK).arg("--").args(filter);
        commands.push(xtask);
    }
    Ok(commands)
}

/// How often the test runner is started, with these options each time.
fn rounds(step: Step, all: bool) -> &'static [&'static [&'static str]] {
    match (step, all) {
        // Much of a test in a browser keeps one core busy. What measures has the machine for itself.
        (Step::Page, true) => &[
            &["--ignored", "--test-threads", "2", "--skip", "alone::"],
            &["--ignored", "--test-threads", "1", "alone::"],
        ],
        (Step::Page, false) => &[&["--ignored", "--test-threads", "1"]],
        _ => &[&[]],
    }
}

/// The step's programs as arguments of cargo.
fn targets(workspace: &Workspace, step: Step) -> Result<Vec<String>> {
    let mut targets = Vec::new();
    if step == Step::Unit {
        targets.extend(["--lib", "--bins"].map(str::to_owned));
    }
    for (name, of) in all(workspace)? {
        if of == step {
            targets.extend(["--test".to_owned(), name]);
        }
    }
    Ok(targets)
}

/// All programs in folders `tests`, each with the step that it belongs to.
fn all(workspace: &Workspace) -> Result<Vec<(String, Step)>> {
    let mut programs = Vec::new();
    for name in programs_in(&workspace.root.join("tests"))? {
        let step = match name.as_str() {
            "kernel_parity" | "shader_validation" => Step::Kernels,
            "page" => Step::Page,
            _ => Step::Models,
        };
        programs.push((name, step));
    }
    let crates = workspace.root.join("crates");
    for package in entries(&crates)? {
        let step = if package == "cli" {
            Step::Cli
        } else {
            Step::Unit
        };
        let names = programs_in(&crates.join(package))?;
        programs.extend(names.into_iter().map(|name| (name, step)));
    }
    Ok(programs)
}

/// Those of a package, as cargo finds them: files, and folders with a `main.rs`.
fn programs_in(package: &Path) -> Result<Vec<String>> {
    let folder = package.join("tests");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let names = entries(&folder)?.into_iter().filter_map(|name| {
        let is_folder = folder.join(&name).join("main.rs").is_file();
        let file = name.strip_suffix(".rs").map(str::to_owned);
        if is_folder { Some(name) } else { file }
    });
    Ok(names.collect())
}

fn entries(folder: &Path) -> Result<Vec<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let names = entries
        .flatten()
        .map(|it| it.file_name().to_string_lossy().into_owned());
    Ok(names.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Cargo knows them by their names alone.
    #[test]
    fn no_two_programs_have_one_name() {
        let programs = all(&Workspace::find().unwrap()).unwrap();
        let names: BTreeSet<_> = programs.iter().map(|it| &it.0).collect();
        assert_eq!(names.len(), programs.len(), "{programs:?}");
        let of = |wanted: Step| programs.iter().filter(|it| it.1 == wanted).count();
        assert_eq!((of(Step::Page), of(Step::Kernels)), (1, 2));
        assert!(of(Step::Models) > 10 && of(Step::Cli) > 2, "{programs:?}");
    }
}

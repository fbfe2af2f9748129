//! The test programs: which step runs which, compiled and run by cargo.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{setup::Setup, step::Step};
use crate::{shell, workspace::Workspace};

/// Every package but this one, whose running program some systems cannot replace. Always the same
/// selection, and always with a test, so that cargo unifies features the same way and builds nothing
/// twice.
const PACKAGES: [&str; 4] = ["--release", "--workspace", "--exclude", "xtask"];

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

/// Checks that the fuzz targets, which are a workspace of their own, compile.
pub fn check_fuzz_targets(setup: &Setup) -> Result<()> {
    let mut check = setup.cargo(&["check", "--locked", "--manifest-path", "fuzz/Cargo.toml"]);
    check.env("CARGO_TARGET_DIR", setup.workspace.target.join("fuzz"));
    // Nothing is linked, so the C++ code of libFuzzer need not be compiled.
    check.env("CUSTOM_LIBFUZZER_PATH", "unused/libfuzzer.a");
    shell::run(&mut check, "`cargo check` of the fuzz targets")
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

/// All test programs, each with the step that it belongs to.
fn all(workspace: &Workspace) -> Result<Vec<(String, Step)>> {
    let mut cargo = shell::cargo(workspace);
    let output = cargo
        .args(["metadata", "--no-deps", "--format-version=1"])
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut programs = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        for target in package["targets"].as_array().into_iter().flatten() {
            let (package, name) = (package["name"].as_str(), target["name"].as_str());
            let (true, Some(name)) = (target["kind"][0] == "test", name) else {
                continue;
            };
            let step = match (package, name) {
                (Some("vitrine-tests"), "kernel_parity" | "shader_validation") => Step::Kernels,
                (Some("vitrine-tests"), "page") => Step::Page,
                (Some("vitrine-tests"), _) => Step::Models,
                (Some("vitrine"), _) => Step::Cli,
                _ => Step::Unit,
            };
            programs.push((name.to_owned(), step));
        }
    }
    Ok(programs)
}

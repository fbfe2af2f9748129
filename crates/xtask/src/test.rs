//! `cargo xtask test`: everything that must hold, in the order in which it fails cheapest.

use std::{
    env,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use vitrine_hub::DEFAULT_MODEL;

use crate::{
    axe,
    browser::{self, Browser},
    isa, model, requirements, say, shell,
    wasm_std::WasmStd,
    web, weight,
    workspace::Workspace,
};

/// Every package but this one, whose running program some systems cannot replace. Always the same
/// selection, so that cargo unifies features the same way and builds nothing twice.
const PACKAGES: [&str; 4] = ["--release", "--workspace", "--exclude", "xtask"];

/// Runs every check; stops at the first that fails.
pub fn test(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps {
        start: Instant::now(),
        done: Vec::new(),
    };
    let result = run(workspace, &mut steps);
    steps.print(result.is_ok());
    result
}

fn run(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    let cargo = |arguments: &[&str]| {
        let mut command = shell::cargo(workspace);
        command.args(arguments);
        command
    };

    steps.run("format", || {
        shell::run(
            &mut cargo(&["fmt", "--all", "--check"]),
            "`cargo fmt --all --check`",
        )
    })?;

    let (wasm_std, browser) = steps.run("requirements", || {
        let mut needs = Vec::new();
        needs.extend(requirements::vulkan());
        needs.extend(browser::need());
        if vitrine_hub::find(&DEFAULT_MODEL)?.is_none() {
            needs.extend(requirements::pip());
        }
        requirements::provide(&needs)?;
        let wasm_std = WasmStd::choose(workspace)?;
        wasm_std.provide_clippy()?;
        Ok((
            wasm_std,
            Browser::find().context("Chromium or its driver cannot be found")?,
        ))
    })?;
    let model = steps.run("model", model::fetch)?;

    steps.run("lints, native", || {
        let arguments = ["clippy", "--release", "--workspace", "--all-targets", "--"];
        shell::run(cargo(&arguments).args(["-D", "warnings"]), "clippy")
    })?;
    steps.run("lints, web", || web::lint(workspace, &wasm_std))?;

    let with_setup = |command: &mut Command| {
        command
            .env("VITRINE_MODEL", &model)
            .env(
                "VITRINE_BIN",
                workspace.target.join("release").join(executable("vitrine")),
            )
            .env("VITRINE_SITE", workspace.site())
            .env("VITRINE_SCREENSHOTS", workspace.target.join("screenshots"))
            .env("VITRINE_CHROME", &browser.chrome)
            .env("VITRINE_CHROMEDRIVER", &browser.driver);
        // Without it Mesa complains at every start; nothing here uses it.
        if env::var_os("XDG_RUNTIME_DIR").is_none() {
            command.env("XDG_RUNTIME_DIR", &workspace.target);
        }
    };
    steps.run("build, native", || {
        shell::run(
            cargo(&["build", "--all-targets"]).args(PACKAGES),
            "the native build",
        )
    })?;
    steps.run("tests, native", || {
        let mut command = cargo(&["test", "--all-targets"]);
        with_setup(command.args(PACKAGES));
        shell::run(&mut command, "a native test")?;
        shell::run(
            &mut cargo(&["test", "--release", "--package", "xtask"]),
            "a test of xtask",
        )
    })?;

    steps.run("compilers of GPUs", || isa::check(workspace))?;

    steps.run("build, web", || {
        let site = web::build(workspace, web::Build::Whole)?;
        weight::check(workspace, &site)?;
        model::add_to_site(&model, &site)
    })?;
    let axe = steps.run("axe-core", || axe::provide(workspace))?;
    steps.run("tests, browser", || {
        let mut command = cargo(&["test", "--test", "page"]);
        if let Some(axe) = &axe {
            command.env("VITRINE_AXE", axe);
        }
        // Ignored elsewhere: they need the site, a browser, and the machine for themselves.
        with_setup(
            command
                .args(PACKAGES)
                .args(["--", "--ignored", "--test-threads", "1"]),
        );
        shell::run(&mut command, "a browser test")
    })
}

fn executable(name: &str) -> String {
    Path::new(name)
        .with_extension(env::consts::EXE_EXTENSION)
        .display()
        .to_string()
}

/// What was run, and how long it took.
struct Steps {
    start: Instant,
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    fn run<T>(&mut self, name: &'static str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        let start = say::begin(format!("[{}] {name}", say::duration(self.start.elapsed())));
        let result = step();
        self.done.push((name, start.elapsed()));
        result
    }

    fn print(&self, passed: bool) {
        say::begin(if passed {
            "Everything passed"
        } else {
            "The last of these steps failed"
        });
        for (name, time) in &self.done {
            say::note(format!("{name:<16}{:>14}", say::duration(*time)));
        }
        say::note(format!(
            "{:<16}{:>14}",
            "in all",
            say::duration(self.start.elapsed())
        ));
    }
}

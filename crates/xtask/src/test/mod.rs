//! `cargo xtask test`: everything that must hold, or a part of it.

mod programs;
mod setup;
mod step;
mod times;

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use clap::Args;

use self::{setup::Setup, step::Step, times::Times};
use crate::{say, web, workspace::Workspace};

/// What of it is run.
#[derive(Args)]
pub struct Choice {
    /// Only this step
    step: Option<Step>,
    /// Only its tests with one of these words in their names; options of the test runner, such as
    /// --nocapture, go to it as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    filter: Vec<String>,
    /// Only what takes little time: at most three minutes once compiled
    #[arg(long, conflicts_with = "step")]
    quick: bool,
    /// Tell the steps, and how long each took last time
    #[arg(long, conflicts_with_all = ["step", "quick"])]
    list: bool,
}

/// Steps, each with the words that choose among its tests.
type Plan<'a> = Vec<(Step, Vec<&'a str>)>;

impl Choice {
    fn plan(&self) -> Plan<'_> {
        let all = Step::ALL.iter().copied();
        match self.step {
            None if self.quick => all
                .filter_map(|step| Some((step, step.quick()?.to_vec())))
                .collect(),
            None => all.map(|step| (step, Vec::new())).collect(),
            Some(step) => {
                let filter = self.filter.iter().map(String::as_str).collect();
                let build = step.has_tests().then_some((Step::Build, Vec::new()));
                build.into_iter().chain([(step, filter)]).collect()
            }
        }
    }
}

/// Runs what was chosen; stops at the first step that fails.
pub fn test(workspace: &Workspace, choice: &Choice) -> Result<()> {
    let times = Times::read(workspace);
    if choice.list {
        list(&times);
        return Ok(());
    }
    let mut run = Run {
        times,
        start: Instant::now(),
        done: Vec::new(),
    };
    let result = run.steps(&Setup::new(workspace), &choice.plan());
    run.print(result.is_ok());
    result
}

fn list(times: &Times) {
    println!("The steps, and how long each took when it last passed here:\n");
    for step in Step::ALL {
        let time = times.of(&step.name()).map_or("—".to_owned(), say::duration);
        println!("  {:<10}{time:>12}   {}", step.name(), step.sentence());
    }
    println!("\nOne of them, or some of its tests: cargo xtask test STEP [FILTER]");
}

/// Steps that run, one after the other.
struct Run {
    times: Times,
    start: Instant,
    done: Vec<(String, Duration)>,
}

impl Run {
    fn steps(&mut self, setup: &Setup, plan: &Plan) -> Result<()> {
        let steps: Vec<Step> = plan.iter().map(|it| it.0).collect();
        self.timed("requirements", || setup.provide(&steps))?;
        // The last crate of the page keeps one core busy for long, and cargo waits for it.
        let mut compiling = None;
        for (step, filter) in plan {
            let name = &step.name();
            if *step == Step::Page && !steps.contains(&Step::Site) {
                self.timed(&Step::Site.name(), || setup.site().map(drop))?;
            }
            if *step == Step::Unit && steps.contains(&Step::Site) {
                compiling = Some(web::compile_behind(setup.workspace)?);
            }
            let time = self
                .timed(name, || step.run(setup, &steps, filter))
                .map_err(|error| {
                    anyhow!("{error:#}\n\nOnly this step again: cargo xtask test {name}")
                })?;
            if *step == Step::Site {
                drop(compiling.take());
            }
            // Some of the tests, or the build of some, say nothing of how long all take.
            if filter.is_empty() && (*step != Step::Build || steps == Step::ALL) {
                self.times.keep(name, time)?;
            }
        }
        Ok(())
    }

    fn timed(&mut self, name: &str, what: impl FnOnce() -> Result<()>) -> Result<Duration> {
        let start = say::begin(format!("[{}] {name}", say::duration(self.start.elapsed())));
        let result = what();
        let time = start.elapsed();
        self.done.push((name.to_owned(), time));
        result.map(|()| time)
    }

    fn print(&self, passed: bool) {
        say::begin(if passed {
            "Everything passed"
        } else {
            "The last of these steps failed"
        });
        let all = ("in all".to_owned(), self.start.elapsed());
        for (name, time) in self.done.iter().chain([&all]) {
            say::note(format!("{name:<16}{:>14}", say::duration(*time)));
        }
    }
}

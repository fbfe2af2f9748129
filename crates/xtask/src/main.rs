//! Builds, serves, tests and packs Vitrine.

mod dist;
mod files;
mod isa;
mod model;
mod npm;
mod offline;
mod parts;
mod record;
mod requirements;
mod say;
mod serve;
mod shell;
mod style;
mod test;
mod web;
mod weight;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::{web::Build, workspace::Workspace};

/// Builds, serves, tests and packs Vitrine.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Build the page and its worker into target/site
    Web {
        /// Compile in seconds and do not shrink, for work on the page
        #[arg(long)]
        quick: bool,
    },
    /// Build the page and print what it weighs over the wire; an error above the limit
    Weight,
    /// Fetch the default model into the cache folder
    Fetch,
    /// Make the recordings that the page brings along again, with the engine on this machine
    Record,
    /// Build the page, fetch the model, serve both on this machine and open a browser
    Serve {
        /// The port to serve on; the next free one if it is taken
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// Do not open a browser
        #[arg(long)]
        no_open: bool,
    },
    /// Write the page and the model as static files to ./dist
    Dist,
    /// Print what the compilers of real GPUs make of the kernels; the GPUs need not be there
    Isa {
        /// See `cargo xtask isa -- --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Print what the tasks need from this machine and what of it is missing, and change nothing
    Doctor,
    /// Check everything, or one step: format, lints, tests natively and in a browser
    Test(test::Choice),
}

fn main() -> ExitCode {
    match run(Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Web { quick } => {
            let build = if quick { Build::Quick } else { Build::Release };
            web::build(&workspace, build).map(drop)
        }
        Task::Weight => weight::check(&web::build(&workspace, Build::Release)?),
        Task::Fetch => model::fetch().map(drop),
        Task::Record => record::record(&workspace),
        Task::Serve { port, no_open } => serve::serve(&workspace, port, !no_open),
        Task::Dist => dist::dist(&workspace),
        Task::Isa { arguments } => isa::run(&workspace, &arguments),
        Task::Doctor => {
            requirements::doctor();
            Ok(())
        }
        Task::Test(choice) => test::test(&workspace, &choice),
    }
}

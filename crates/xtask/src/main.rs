//! Builds, serves, tests and packs Vitrine.

mod axe;
mod browser;
mod dist;
mod files;
mod function_order;
mod isa;
mod lean_normalization;
mod lean_rustc;
mod minify;
mod model;
mod npm;
mod offline;
mod parts;
mod record;
mod requirements;
mod say;
mod serve;
mod shell;
mod short_names;
mod style;
mod test;
mod wasm_opt;
mod wasm_std;
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
        /// Soon there instead of small: for who works on the page
        #[arg(long)]
        quick: bool,
    },
    /// Build the page and print what it weighs over the wire; an error above the limit
    Weight,
    /// Fetch the default model into the cache folder
    Fetch,
    /// Make the recordings anew that the page brings along, with the engine on this machine
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
    /// What compilers of real GPUs make of the kernels, on a machine without those GPUs
    Isa {
        /// `cargo xtask isa -- --help` tells them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check everything, or one step of it: format, lints, tests natively and in a browser
    Test(test::Choice),
}

fn main() -> ExitCode {
    if lean_rustc::is_called() {
        return lean_rustc::run();
    }
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
            let build = if quick { Build::Quick } else { Build::Whole };
            web::build(&workspace, build).map(drop)
        }
        Task::Weight => weight::check(&workspace, &web::build(&workspace, Build::Whole)?),
        Task::Fetch => model::fetch().map(drop),
        Task::Record => record::record(&workspace),
        Task::Serve { port, no_open } => serve::serve(&workspace, port, !no_open),
        Task::Dist => dist::dist(&workspace),
        Task::Isa { arguments } => isa::run(&workspace, &arguments),
        Task::Test(choice) => test::test(&workspace, &choice),
    }
}

//! `vitrine`: runs a decoder language model on the desktop GPU and shows what happens inside.

mod adapters;
mod args;
mod exit;
mod generate;
mod load;
mod next;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    let result = pollster::block_on(async {
        match args.command {
            Command::Generate(args) => generate::run(args).await,
            Command::Next(args) => next::run(args).await,
            Command::Adapters(args) => adapters::run(args).await,
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}

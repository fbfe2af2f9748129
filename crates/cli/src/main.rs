//! `vitrine`: runs a decoder language model on the desktop GPU and shows what happens inside.

mod ablate;
mod adapters;
mod args;
mod attention;
mod bench;
mod compare;
mod draw;
mod exit;
mod generate;
mod inspect;
mod lens;
mod load;
mod memory;
mod next;
mod packets;
mod patch;
mod race;
mod schema;
mod text;
mod tokenize;
mod trace;
mod tune;
mod tuning_file;
mod whole_file;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    quiet_device_selection();
    let args = Args::parse();
    let result = pollster::block_on(async {
        match args.command {
            Command::Generate(args) => generate::run(args).await,
            Command::Next(args) => next::run(args).await,
            Command::Inspect(args) => inspect::run(args).await,
            Command::Tokenize(args) => tokenize::run(args).await,
            Command::Bench(args) => bench::run(args).await,
            Command::Tune(args) => tune::run(args).await,
            Command::Race(args) => race::run(args).await,
            Command::Compare(args) => compare::run(args).await,
            Command::Trace(args) => trace::run(args).await,
            Command::Schema => schema::run(),
            Command::Lens(args) => lens::run(args).await,
            Command::Attention(args) => attention::run(args).await,
            Command::Ablate(args) => ablate::run(args).await,
            Command::Patch(args) => patch::run(args).await,
            Command::Adapters(args) => adapters::run(args).await,
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}

/// Without a desktop session Mesa's device-selection layer complains on standard error, although it has nothing to
/// select.
fn quiet_device_selection() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: the program has one thread so far.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

//! `cargo xtask isa`: compiles the kernels for real GPUs, on a machine without them.
//!
//! Plans are made at the shapes of five models on a device that only plans ([`planned`]). The kernels that they ask
//! for become SPIR-V as wgpu makes it ([`spirv`]), which RADV compiles for chips that need not be there
//! ([`null_device`], one process for each: [`worker`]). Its statistics, and the loops of its machine code
//! ([`disassembly`]), is the [`report`]; kernels that are alike are one row of the [`table`].

mod against;
mod compile;
mod details;
mod disassembly;
mod driver;
mod families;
mod kept;
mod known;
mod measured;
mod mnemonics;
mod models;
mod null_device;
mod planned;
mod report;
mod roles;
mod rows;
mod spirv;
mod table;
mod texts;
mod unit;
mod wanted;
mod worker;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;

use kept::Kept;
use report::Report;
use table::Style;
use wanted::Wanted;

/// Compile the kernels for real GPUs, on a machine without them, and print statistics of the machine code.
///
/// Without arguments: one kernel for each role (shader, number formats, pass, place), for RDNA 3, RDNA 2 and
/// GCN, in a table.
#[derive(Parser)]
#[command(name = "cargo xtask isa", bin_name = "cargo xtask isa")]
struct Arguments {
    #[command(flatten)]
    wanted: Wanted,
    /// RADV's description (an ICD's JSON file), instead of the machine's; so does VITRINE_RADV_ICD
    #[arg(long, value_name = "FILE")]
    driver: Option<PathBuf>,
    /// Print all statistics of each kernel; the default for a few kernels
    #[arg(long)]
    each: bool,
    /// Use the JSON of an earlier run instead of compiling, such as one on another system with its driver
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print what became better or worse since an earlier run, of which FILE is the JSON
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// An error where a kernel spills, or has 5 % more instructions per weight than docs/isa.json says
    #[arg(long)]
    check: bool,
    /// Write docs/isa.json and docs/isa.md; with --from only the latter, for --check compiles with this machine's driver
    #[arg(long)]
    write: bool,
    /// Compile for the one family, and print lines for the process that asked
    #[arg(long, hide = true)]
    worker: bool,
    /// Only check whether there is such a device
    #[arg(long, hide = true)]
    probe: bool,
}

/// Up to this many kernels are printed one by one.
const FEW: usize = 8;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let wanted = &arguments.wanted;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if arguments.probe {
        return null_device::NullDevice::open().map(drop);
    }
    if arguments.worker {
        let family = wanted.family.context("a worker needs a family")?;
        return worker::work(family, wanted, &target(&root));
    }
    let Some(report) = report(arguments)? else {
        println!("{MISSING}: kernels were not compiled for real GPUs.");
        return Ok(());
    };
    let kept = Kept::read(&root)?;
    if arguments.check {
        return check(&kept, &report);
    }
    if arguments.write {
        let is_whole =
            wanted.filter.is_empty() && wanted.model.is_none() && wanted.family.is_none();
        ensure!(
            is_whole && !wanted.all && !wanted.candidates,
            "only the table of everything is kept"
        );
        if arguments.from.is_none() {
            kept.write(&root, &report)?;
        }
        return kept::write_table(&root, &report);
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    if let Some(file) = &arguments.against {
        let before = Report::read(file)?;
        print!("{}", against::compare(&before, &report));
        return Ok(());
    }
    if arguments.each || report.kernels.len() <= FEW {
        print!("{}", details::details(&report));
    } else {
        print!(
            "{}",
            table::tables(&rows::rows(&report), &wanted.families(), Style::Terminal)
        );
        println!("\n{}", table::LEGEND);
    }
    println!(
        "\nCompiled by {}: {}",
        report.driver,
        count(report.kernels.len())
    );
    Ok(())
}

const MISSING: &str =
    "RADV, the driver with the compiler, is not on this machine (Debian: mesa-vulkan-drivers)";

/// `None` without a driver, unless one is required.
fn report(arguments: &Arguments) -> Result<Option<Report>> {
    if let Some(file) = &arguments.from {
        return Report::read(file).map(Some);
    }
    let Some(driver) = driver::find(arguments.driver.as_deref()) else {
        ensure!(arguments.check, "{MISSING}");
        return Ok(None);
    };
    Report::make(&driver, &arguments.wanted).map(Some)
}

/// Where this program was built.
fn target(root: &Path) -> PathBuf {
    let program = env::current_exe().ok();
    let folder = program.as_deref().and_then(|it| it.parent()?.parent());
    folder.map_or_else(|| root.join("target"), Path::to_owned)
}

fn check(kept: &Kept, report: &Report) -> Result<()> {
    let found = kept.check(report);
    for sentence in &found {
        eprintln!("{sentence}");
    }
    let (kernels, driver) = (count(report.kernels.len()), &report.driver);
    if !found.is_empty() {
        let rows = found.len();
        bail!("with {driver} and {kernels}, {rows} rows of them are worse than they may be");
    }
    let length = match kept.has(driver) {
        true => "none has become longer",
        false => "no figures are kept of it",
    };
    println!("{kernels}, compiled by {driver}: none spills, and {length}.");
    Ok(())
}

fn count(kernels: usize) -> String {
    match kernels {
        1 => "1 kernel".to_owned(),
        _ => format!("{kernels} kernels"),
    }
}

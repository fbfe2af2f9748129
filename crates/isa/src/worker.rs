//! The process that compiles for one family: the driver takes its chip from the environment of a process. It
//! prints a line of JSON for each kernel.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::compile::Compiled;
use crate::families::Family;
use crate::known::Known;
use crate::measured::Measured;
use crate::null_device::NullDevice;
use crate::planned::{Planned, Uses};
use crate::wanted::Wanted;
use crate::{driver, spirv};

/// What the process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// First: which device it has.
    Device {
        /// As it calls itself.
        name: String,
        /// The driver and its version.
        driver: String,
    },
    /// Then, for each kernel.
    Kernel {
        /// What tells it from others.
        label: String,
        /// The name of its shader.
        name: String,
        /// Where it runs.
        uses: Uses,
        /// What the compiler made of it.
        measured: Measured,
    },
}

/// The work of such a process.
///
/// # Errors
/// When there is no such device, or a kernel cannot be compiled.
pub fn work(family: Family, wanted: &Wanted, target: &Path) -> Result<()> {
    let device = NullDevice::open()?;
    say(&Line::Device {
        name: device.name.clone(),
        driver: device.driver.clone(),
    })?;
    let folder = wanted.dump.is_none().then(|| target.join("isa"));
    let mut known = Known::open(folder, &device.name, &device.driver);
    let kernels = wanted.kernels(&device.caps)?;
    for ((label, kernel), number) in kernels.into_iter().zip(1..) {
        let mut measure = || -> Result<Measured> {
            let wgsl = kernel.source.wgsl()?;
            let spirv = spirv::of_wgsl(&wgsl)?;
            let key = Known::key(&spirv.words);
            if let Some(measured) = known.get(&key) {
                return Ok(measured.clone().with_unit(spirv.unit));
            }
            let compiled = device.compile(&spirv.words, &kernel.source.bindings)?;
            let measured = Measured::new(&compiled)?;
            if let Some(folder) = &wanted.dump {
                let name = format!("{number:04} {}", kernel.source.name.replace('/', " "));
                dump(folder, &name, family, &kernel, &wgsl, &compiled)?;
            }
            known.put(key, measured.clone());
            Ok(measured.with_unit(spirv.unit))
        };
        let measured = measure().with_context(|| format!("the kernel \"{label}\""))?;
        say(&Line::Kernel {
            label,
            name: kernel.source.name.to_owned(),
            uses: kernel.uses,
            measured,
        })?;
    }
    known.close();
    Ok(())
}

fn say(line: &Line) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn dump(
    folder: &Path,
    name: &str,
    family: Family,
    kernel: &Planned,
    wgsl: &str,
    compiled: &Compiled,
) -> Result<()> {
    fs::create_dir_all(folder)?;
    let label = kernel.source.label();
    let wgsl = format!("// {label}\n// {:?}\n{wgsl}", kernel.uses);
    fs::write(folder.join(format!("{name}.wgsl")), wgsl)?;
    let mut text = format!("; {label}\n");
    for (name, value) in &compiled.statistics {
        text += &format!("; {name}: {value}\n");
    }
    text += compiled.machine_code()?;
    fs::write(folder.join(format!("{name}.{family}.s")), text)?;
    Ok(())
}

/// Starts one for a family.
///
/// # Errors
/// When this program cannot be started again.
pub fn start(driver: &Path, family: Family, chip: &str, wanted: &Wanted) -> Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    driver::pretend(&mut command, driver, family, chip);
    let family = format!("{family:?}").to_lowercase();
    command
        .args(wanted.arguments())
        .args(["--worker", "--family", &family])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command.spawn().context("this program cannot start itself")
}

/// Hears what it says, and waits for its end.
///
/// # Errors
/// When it failed; its own message has been printed.
pub fn listen(mut child: Child, family: Family) -> Result<(String, BTreeMap<String, Line>)> {
    let out = child.stdout.take().context("it has no output")?;
    let (mut device, mut kernels) = (None, BTreeMap::new());
    for line in BufReader::new(out).lines() {
        match serde_json::from_str(&line?)? {
            Line::Device { driver, .. } => device = Some(driver),
            kernel @ Line::Kernel { .. } => {
                if let Line::Kernel { label, .. } = &kernel {
                    kernels.insert(label.clone(), kernel);
                }
            }
        }
    }
    let status = child.wait()?;
    match device {
        Some(driver) if status.success() => Ok((driver, kernels)),
        _ => bail!("compiling for {family} failed ({status})"),
    }
}

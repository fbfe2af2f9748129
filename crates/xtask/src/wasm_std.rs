//! Which standard library for wasm32 the page is built with.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{files, requirements, say, shell, workspace::Workspace};

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler for packages that need a recent one; `rust-web-src` has its library's source.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Clippy of the same compiler, in Debian's `rust-web-clippy`.
pub const DEBIAN_CLIPPY: &str = "/usr/bin/clippy-driver";

/// A compiler that can build for wasm32.
pub enum WasmStd {
    /// The toolchain at hand has the library.
    Installed,
    /// Debian's compiler builds the library from source.
    FromSource {
        /// The linker of rustup's toolchain; Debian's package has none for wasm.
        linker: Option<PathBuf>,
    },
}

impl WasmStd {
    /// What is there, else what rustup can add, else Debian's packages.
    ///
    /// `VITRINE_WASM_STD` set to `rustup` or `debian` allows only that way.
    pub fn choose(workspace: &Workspace) -> Result<Self> {
        let forced = env::var("VITRINE_WASM_STD").ok();
        let allowed = |way: &str| forced.as_deref().is_none_or(|forced| forced == way);
        if allowed("rustup") && (is_installed() || add_with_rustup(workspace)?) {
            return Ok(Self::Installed);
        }
        if allowed("debian") {
            if !has_debian_source() && requirements::can_install() {
                requirements::provide(&[requirements::debian_rust()])?;
            }
            if has_debian_source() {
                return Ok(Self::FromSource {
                    linker: rustup_linker(),
                });
            }
        }
        let command = if Path::new("/etc/debian_version").exists() {
            "sudo apt-get install --no-install-recommends rustc-web rust-web-src"
        } else {
            "rustup target add wasm32-unknown-unknown"
        };
        bail!(
            "there is no Rust standard library for {TARGET}, to which the page is compiled: type \
             this, and start again:\n\n    {command}\n"
        )
    }

    /// The library in words.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Installed => "with the installed wasm32 standard library",
            Self::FromSource { .. } => {
                "with Debian's rustc-web, the standard library built from rust-web-src"
            }
        }
    }

    /// Brings the clippy that fits the compiler.
    pub fn provide_clippy(&self) -> Result<()> {
        match self {
            Self::Installed => Ok(()),
            Self::FromSource { .. } => {
                let needs: Vec<_> = requirements::debian_clippy().into_iter().collect();
                requirements::provide(&needs)
            }
        }
    }

    /// A cargo command that lints for wasm32 what `arguments` choose, every warning an error.
    pub fn clippy(&self, workspace: &Workspace, arguments: &[&str]) -> Command {
        let mut cargo = shell::cargo(workspace);
        match self {
            Self::Installed => {
                cargo.arg("clippy").args(arguments);
                self.apply(workspace, &mut cargo);
                cargo.args(["--", "-D", "warnings"]);
            }
            Self::FromSource { .. } => {
                // What `cargo clippy` does itself, but with this compiler's driver.
                cargo.arg("check").args(arguments);
                self.apply(workspace, &mut cargo);
                cargo.env("RUSTC_WORKSPACE_WRAPPER", DEBIAN_CLIPPY);
                cargo.env(
                    "CLIPPY_ARGS",
                    "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__",
                );
            }
        }
        cargo
    }

    /// Makes a cargo command build for wasm32 in the web build's own target folder.
    pub fn apply(&self, workspace: &Workspace, cargo: &mut Command) {
        cargo
            .args(["--target", TARGET, "--target-dir"])
            .arg(workspace.web_target());
        if let Self::FromSource { linker } = self {
            cargo.arg("-Zbuild-std=std,panic_abort");
            cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
            if let Some(linker) = linker {
                cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
            }
        }
    }
}

/// Where cargo puts what it builds for wasm32 under `profile`.
pub fn artifacts(workspace: &Workspace, profile: &str) -> PathBuf {
    workspace.web_target().join(TARGET).join(profile)
}

fn is_installed() -> bool {
    let Some(folder) = shell::output(rustc(), &["--print", "target-libdir", "--target", TARGET])
    else {
        return false;
    };
    fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

/// Tries `rustup target add` once; a failure is remembered, so that the next start is quick.
fn add_with_rustup(workspace: &Workspace) -> Result<bool> {
    let Some(rustup) = shell::find("rustup") else {
        return Ok(false);
    };
    let toolchain = shell::output(rustc(), &["--version"]).unwrap_or_default();
    let failed = files::Stamp::new(workspace.web_target().join("rustup-failed"), toolchain);
    if failed.holds() && has_debian_source() {
        return Ok(false);
    }
    let start = say::begin(format!(
        "Adding the {TARGET} standard library with rustup: the page is compiled to wasm"
    ));
    let added = Command::new(rustup)
        .args(["target", "add", TARGET])
        .status();
    if added.is_ok_and(|status| status.success()) && is_installed() {
        say::done(start, "added");
        return Ok(true);
    }
    say::done(start, "rustup could not add it; looking for another way");
    failed.set()?;
    Ok(false)
}

/// Whether Debian's packages are there, and new enough for this workspace.
pub fn has_debian_source() -> bool {
    let Some(version) = shell::output(DEBIAN_RUSTC, &["--version"]) else {
        return false;
    };
    let Some(sysroot) = shell::output(DEBIAN_RUSTC, &["--print", "sysroot"]) else {
        return false;
    };
    let source = Path::new(&sysroot).join("lib/rustlib/src/rust/library/std/src/lib.rs");
    let needed = minor(env!("CARGO_PKG_RUST_VERSION"));
    source.is_file() && minor(version.trim_start_matches("rustc ")) >= needed
}

/// The `95` of `1.95.0`.
fn minor(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

fn rustup_linker() -> Option<PathBuf> {
    let sysroot = PathBuf::from(shell::output(rustc(), &["--print", "sysroot"])?);
    let host = shell::output(rustc(), &["--print", "host-tuple"])?;
    let linker = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
    linker.is_file().then_some(linker)
}

fn rustc() -> std::ffi::OsString {
    env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn versions_compare_by_their_minor_number() {
        assert_eq!(minor("1.95"), Some(95));
        assert_eq!(minor("1.96.0 (ac68faa20 2026-05-25)"), Some(96));
        assert!(minor("1.63.0") < minor("1.95"));
        assert_eq!(minor("nonsense"), None);
    }
}

//! Which standard library for wasm32 the page is built with.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{files, lean_rustc, requirements, say, shell, web::Build, workspace::Workspace};

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler for packages that need a recent one; `rust-web-src` has its library's source.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Clippy of the same compiler, in Debian's `rust-web-clippy`.
pub const DEBIAN_CLIPPY: &str = "/usr/bin/clippy-driver";

/// Of a standard library that is built along with the page: small sorts and formatting, and no
/// messages of panics. A panic is a trap, which the page says in its own words.
const SMALL: [&str; 3] = [
    "-Zbuild-std-features=optimize_for_size",
    "--config",
    concat!(
        "target.wasm32-unknown-unknown.rustflags=[",
        r#""-Zunstable-options", "-Cpanic=immediate-abort", "-Zlocation-detail=none"]"#
    ),
];

/// A standard library for wasm32.
pub enum WasmStd {
    /// Built from source along with the page.
    FromSource(Compiler),
    /// That of the toolchain at hand, where there is no source: the page is larger with it.
    Installed,
}

/// A compiler that has the source of its library.
pub enum Compiler {
    /// The one at hand.
    Rustup,
    /// Debian's.
    Debian {
        /// The linker of rustup's toolchain; Debian's package has none for wasm.
        linker: Option<PathBuf>,
    },
}

impl WasmStd {
    /// The source that is there or that rustup can add, else Debian's, else an installed library.
    ///
    /// `VITRINE_WASM_STD` set to `rustup`, `debian` or `installed` allows only that way.
    pub fn choose(workspace: &Workspace) -> Result<Self> {
        let forced = env::var("VITRINE_WASM_STD").ok();
        let allowed = |way: &str| forced.as_deref().is_none_or(|forced| forced == way);
        if allowed("rustup") && (has_source(rustc()) || add_with_rustup(workspace)?) {
            return Ok(Self::FromSource(Compiler::Rustup));
        }
        let installed = allowed("installed") && is_installed();
        if allowed("debian") {
            if !installed && !has_debian_source() && requirements::can_install() {
                requirements::provide(&[requirements::debian_rust()])?;
            }
            if has_debian_source() {
                return Ok(Self::FromSource(Compiler::Debian {
                    linker: rustup_linker(),
                }));
            }
        }
        if installed {
            return Ok(Self::Installed);
        }
        let command = if Path::new("/etc/debian_version").exists() {
            "sudo apt-get install --no-install-recommends rustc-web rust-web-src"
        } else {
            "rustup component add rust-src"
        };
        bail!(
            "there is no Rust standard library for {TARGET}, to which the page is compiled: type \
             this, and start again:\n\n    {command}\n"
        )
    }

    /// The library in words.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::FromSource(Compiler::Rustup) => "with the standard library from rustup's source",
            Self::FromSource(Compiler::Debian { .. }) => {
                "with Debian's rustc-web, the standard library built from rust-web-src"
            }
            Self::Installed => {
                "with the installed wasm32 standard library; it becomes smaller after `rustup \
                 component add rust-src`"
            }
        }
    }

    /// Whether the page is as small as it can be.
    pub fn is_small(&self) -> bool {
        matches!(self, Self::FromSource(_))
    }

    /// Brings the clippy that fits the compiler.
    pub fn provide_clippy(&self) -> Result<()> {
        match self {
            Self::FromSource(Compiler::Rustup) | Self::Installed => Ok(()),
            Self::FromSource(Compiler::Debian { .. }) => {
                let needs: Vec<_> = requirements::debian_clippy().into_iter().collect();
                requirements::provide(&needs)
            }
        }
    }

    /// A cargo command that lints for wasm32 what `arguments` choose, every warning an error.
    pub fn clippy(&self, workspace: &Workspace, arguments: &[&str]) -> Command {
        let mut cargo = shell::cargo(workspace);
        match self {
            Self::FromSource(Compiler::Rustup) | Self::Installed => {
                cargo.arg("clippy").args(arguments);
                self.apply(workspace, &mut cargo, Build::Whole);
                cargo.args(["--", "-D", "warnings"]);
            }
            Self::FromSource(Compiler::Debian { .. }) => {
                // What `cargo clippy` does itself, but with this compiler's driver.
                cargo.arg("check").args(arguments);
                self.apply(workspace, &mut cargo, Build::Whole);
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
    pub fn apply(&self, workspace: &Workspace, cargo: &mut Command, build: Build) {
        cargo
            .args(["--target", TARGET, "--target-dir"])
            .arg(workspace.web_target());
        lean_rustc::apply(cargo);
        if let Self::FromSource(compiler) = self {
            cargo.arg("-Zbuild-std=std,panic_abort");
            cargo.env("RUSTC_BOOTSTRAP", "1");
            if build == Build::Whole {
                cargo.args(SMALL);
            }
            if let Compiler::Debian { linker } = compiler {
                cargo.env("RUSTC", DEBIAN_RUSTC);
                if let Some(linker) = linker {
                    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                }
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

/// Tries `rustup component add` once; a failure is remembered, so that the next start is quick.
fn add_with_rustup(workspace: &Workspace) -> Result<bool> {
    let Some(rustup) = shell::find("rustup") else {
        return Ok(false);
    };
    let toolchain = shell::output(rustc(), &["--version"]).unwrap_or_default();
    let failed = files::Stamp::new(workspace.web_target().join("rustup-failed"), toolchain);
    if failed.holds() && (has_debian_source() || is_installed()) {
        return Ok(false);
    }
    let start = say::begin(
        "Adding the source of the standard library with rustup: it is built for the page",
    );
    let added = Command::new(rustup)
        .args(["component", "add", "rust-src"])
        .status();
    if added.is_ok_and(|status| status.success()) && has_source(rustc()) {
        say::done(start, "added");
        return Ok(true);
    }
    say::done(start, "rustup could not add it; looking for another way");
    failed.set()?;
    Ok(false)
}

/// Whether a compiler has the source of its library beside it.
fn has_source(rustc: impl AsRef<OsStr>) -> bool {
    shell::output(rustc, &["--print", "sysroot"]).is_some_and(|sysroot| {
        Path::new(&sysroot)
            .join("lib/rustlib/src/rust/library/std/src/lib.rs")
            .is_file()
    })
}

/// Whether Debian's packages are there, and new enough for this workspace.
pub fn has_debian_source() -> bool {
    let Some(version) = shell::output(DEBIAN_RUSTC, &["--version"]) else {
        return false;
    };
    let needed = minor(env!("CARGO_PKG_RUST_VERSION"));
    has_source(DEBIAN_RUSTC) && minor(version.trim_start_matches("rustc ")) >= needed
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

fn rustc() -> OsString {
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

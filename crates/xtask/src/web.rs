//! The page and its worker: from Rust to a static site. Compile, bind, split, shrink, copy.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use fs_err as fs;
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    files::{self, Stamp},
    npm::Tools,
    offline, parts,
    requirements::{self, WASM_TARGET},
    say,
    shell::{self, Behind},
    style,
    workspace::Workspace,
};

/// The package whose library is the wasm module of the site.
const PACKAGE: &str = "vitrine-browser";
const LIBRARY: &str = "vitrine_browser.wasm";
/// The name of the bound module in the site.
const NAME: &str = "vitrine";

/// The features of wasm that Rust uses and every browser with WebGPU has, and what is optimised.
const WASM_OPT: [&str; 10] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--strip-debug",
    "--strip-producers",
    // `-Os` writes fewer bytes, but they compress worse: 6 % more over the wire, in four times the time.
    "-O1",
];

/// Folders of the site that other steps fill.
const KEPT: [&str; 2] = ["pkg", "models"];

/// How the module is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Small and fast, as users get it.
    Release,
    /// Compiled in seconds and not shrunk, for work on the page.
    Quick,
}

impl Build {
    fn profile(self) -> &'static str {
        match self {
            Self::Release => "web-release",
            Self::Quick => "web-quick",
        }
    }
}

/// Builds the site without its models and returns its folder.
pub fn build(workspace: &Workspace, build: Build) -> Result<PathBuf> {
    let site = workspace.site();
    let compiled = compile(workspace, build)?;
    let tools = match build {
        Build::Release => Tools::provide(workspace)?,
        Build::Quick => None,
    };
    let made_from = format!(
        "{build:?} {WASM_OPT:?} {} {}",
        tools.is_some(),
        files::sha256(&compiled)?
    );
    let stamp = Stamp::new(workspace.web_target().join("bound.stamp"), made_from);
    let pkg = site.join("pkg");
    if !(stamp.holds() && pkg.is_dir()) {
        let start = say::begin("Binding the wasm module to JavaScript, splitting and shrinking it");
        files::remove(&pkg)?;
        let parts = parts::split(&compiled, &pkg, NAME)?;
        bind(&parts.first, &pkg)?;
        if let Some(tools) = &tools {
            shrink(tools, &pkg)?;
        }
        parts::seal(&pkg, &parts.others)?;
        if let Some(tools) = &tools {
            minify(tools, &pkg, &with_extension(&pkg, "js")?)?;
        }
        stamp.set()?;
        say::done(start, "bound");
    }
    copy(workspace, &site, tools.as_ref())?;
    offline::write(workspace, &site)?;
    say::note(format!("the site is in {}", site.display()));
    Ok(site)
}

fn compile(workspace: &Workspace, build: Build) -> Result<PathBuf> {
    requirements::wasm_target()?;
    let start = say::begin("Compiling the page and its worker to wasm (minutes the first time)");
    shell::run(&mut cargo(workspace, "build", build), "compiling the page")?;
    say::done(start, "compiled");
    let folder = workspace
        .web_target()
        .join(WASM_TARGET)
        .join(build.profile());
    Ok(folder.join(LIBRARY))
}

/// Compiles the page in the background. Its errors are reported by `build`, which comes after it.
pub fn compile_behind(workspace: &Workspace) -> Result<Behind> {
    requirements::wasm_target()?;
    Behind::start(&mut cargo(workspace, "build", Build::Release))
}

/// Runs clippy on the page, its worker and every crate of ours that they use, as code for the web.
pub fn lint(workspace: &Workspace) -> Result<()> {
    requirements::wasm_target()?;
    let mut clippy = cargo(workspace, "clippy", Build::Release);
    clippy.env("CLIPPY_CONF_DIR", workspace.root.join("clippy-wasm"));
    shell::run(clippy.args(["--", "-D", "warnings"]), "clippy for the web")
}

/// The page has a target folder of its own, so that it can be compiled while native tests run.
fn cargo(workspace: &Workspace, subcommand: &str, build: Build) -> Command {
    let mut cargo = shell::cargo(workspace);
    cargo
        .args([subcommand, "--package", PACKAGE, "--target", WASM_TARGET])
        .args(["--profile", build.profile(), "--target-dir"])
        .arg(workspace.web_target());
    cargo
}

/// Writes the JavaScript side of the module, and the module as that expects it.
fn bind(module: &Path, pkg: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        // Through these the other parts share its memory and functions.
        .keep_lld_exports(true)
        .out_name(NAME)
        .typescript(false)
        .omit_default_module_path(false);
    bindgen
        .web(true)
        .and_then(|bindgen| bindgen.generate(pkg))
        .with_context(|| format!("cannot bind {}", module.display()))
}

/// Shrinks the wasm modules of a folder.
fn shrink(tools: &Tools, pkg: &Path) -> Result<()> {
    for module in with_extension(pkg, "wasm")? {
        let mut optimise = tools.command("binaryen/bin/wasm-opt");
        optimise.args(WASM_OPT).arg(&module).arg("-o").arg(&module);
        shell::run(&mut optimise, "wasm-opt")?;
    }
    Ok(())
}

/// Removes from scripts or style sheets in `folder` what only people need.
fn minify(tools: &Tools, folder: &Path, files: &[PathBuf]) -> Result<()> {
    let mut esbuild = tools.command("esbuild-wasm/bin/esbuild");
    esbuild
        .args(["--minify", "--log-level=warning", "--allow-overwrite"])
        // The splitter imports the module that fetches parts once for each of them, under one name.
        .arg("--log-override:duplicate-object-key=silent")
        .arg(format!("--outdir={}", folder.display()))
        .arg(format!("--outbase={}", folder.display()))
        .args(files);
    shell::run(&mut esbuild, "esbuild")
}

fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = files::list(folder)?;
    files.retain(|file| file.extension().is_some_and(|it| it == extension));
    Ok(files)
}

/// Copies the files that are served as they are, and removes those that are no longer in the tree.
fn copy(workspace: &Workspace, site: &Path, tools: Option<&Tools>) -> Result<()> {
    for entry in fs::read_dir(site)?.flatten() {
        if !KEPT.iter().any(|kept| entry.file_name() == *kept) {
            files::remove(&entry.path())?;
        }
    }
    fs::copy(workspace.root.join("index.html"), site.join("index.html"))?;
    files::copy_folder(&workspace.root.join("web/static"), site)?;
    let style = site.join("page.css");
    fs::write(&style, style::bundle(&workspace.root.join("web"))?)?;
    tools.map_or(Ok(()), |tools| minify(tools, site, &[style]))
}

//! The page and its worker: from Rust to a static site.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    files::{self, Stamp},
    function_order, minify, offline, parts, say,
    shell::{self, Behind},
    short_names, style,
    wasm_opt::WasmOpt,
    wasm_std::{self, WasmStd},
    workspace::Workspace,
};

/// The package whose library is the wasm module of the site, and the names of both.
const PACKAGE: &str = "vitrine-browser";
const LIBRARY: &str = "vitrine_browser.wasm";
const NAME: &str = "vitrine";

/// How the modules are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Small and fast, as readers get it.
    Whole,
    /// Soon there, for who works on the page.
    Quick,
}

impl Build {
    fn profile(self) -> &'static str {
        match self {
            Self::Whole => "web-release",
            Self::Quick => "web-quick",
        }
    }

    /// What cargo builds, or lints, for the web.
    fn selection(self) -> [&'static str; 4] {
        ["--profile", self.profile(), "-p", PACKAGE]
    }
}

/// Counted up when the same module is bound in another way.
const FORM: u32 = 4;

/// Folders of the site that other steps fill and this one keeps.
const KEPT: [&str; 2] = ["pkg", "models"];

/// Builds the site without its models; gives its folder.
pub fn build(workspace: &Workspace, build: Build) -> Result<PathBuf> {
    compile(workspace, build)?;
    let site = workspace.site();
    bind(workspace, &site.join("pkg"), build)?;
    copy_static(workspace, &site)?;
    if build == Build::Whole {
        minify::minify(workspace, &site.join("page.css"))?;
    }
    // Last: it knows all others.
    offline::write(workspace, &site)?;
    Ok(site)
}

/// Lints the page, its worker and all of ours that they use, as code for the web.
pub fn lint(workspace: &Workspace, wasm_std: &WasmStd) -> Result<()> {
    let mut clippy = wasm_std.clippy(workspace, &Build::Whole.selection());
    clippy.env("CLIPPY_CONF_DIR", workspace.root.join("clippy-wasm"));
    shell::run(&mut clippy, "clippy for the web")
}

fn compile(workspace: &Workspace, build: Build) -> Result<()> {
    let wasm_std = WasmStd::choose(workspace)?;
    let start = say::begin("Compiling the page and its worker to wasm (minutes the first time)");
    say::note(wasm_std.describe());
    shell::run(
        &mut compiling(workspace, &wasm_std, build),
        "compiling the page",
    )?;
    say::done(start, "compiled");
    Ok(())
}

/// Compiles the page while something else is done. What goes wrong is said by `build`, which comes
/// after it.
pub fn compile_behind(workspace: &Workspace) -> Result<Behind> {
    let wasm_std = WasmStd::choose(workspace)?;
    Behind::start(&mut compiling(workspace, &wasm_std, Build::Whole))
}

fn compiling(workspace: &Workspace, wasm_std: &WasmStd, build: Build) -> Command {
    let mut cargo = shell::cargo(workspace);
    cargo.arg("build").args(build.selection());
    wasm_std.apply(workspace, &mut cargo, build);
    cargo
}

/// Makes the JavaScript side of the module and shrinks the module.
fn bind(workspace: &Workspace, pkg: &Path, build: Build) -> Result<()> {
    let module = Module::new(workspace, build);
    // Looked for, not installed: what was made without it is no reason to ask npm at every start.
    let made_with = match build {
        Build::Whole => WasmOpt::find(workspace),
        Build::Quick => None,
    };
    if module.stamp(workspace, made_with.as_ref())?.holds() && Module::is_in(pkg) {
        return Ok(());
    }
    let wasm_opt = match build {
        Build::Whole => WasmOpt::provide(workspace)?,
        Build::Quick => None,
    };
    let start = say::begin("Binding the wasm module to JavaScript and shrinking it");
    files::remove(pkg)?;
    files::create_folder(pkg)?;
    module.make(workspace, pkg, build, wasm_opt.as_ref())?;
    say::done(start, "bound");
    Ok(())
}

/// The wasm module on its way into the site.
struct Module {
    compiled: PathBuf,
    bound: PathBuf,
}

impl Module {
    fn new(workspace: &Workspace, build: Build) -> Self {
        Self {
            compiled: wasm_std::artifacts(workspace, build.profile()).join(LIBRARY),
            bound: workspace.web_target().join("bound"),
        }
    }

    fn wasm_name() -> String {
        format!("{NAME}_bg.wasm")
    }

    fn stamp(&self, workspace: &Workspace, wasm_opt: Option<&WasmOpt>) -> Result<Stamp> {
        let content = format!(
            "{FORM} {} {}",
            files::sha256(&self.compiled)?,
            WasmOpt::version(wasm_opt)
        );
        let path = workspace.web_target().join("stamps").join(NAME);
        Ok(Stamp::new(path, content))
    }

    fn is_in(pkg: &Path) -> bool {
        pkg.join(Self::wasm_name()).is_file() && pkg.join(format!("{NAME}.js")).is_file()
    }

    fn script(&self) -> PathBuf {
        self.bound.join(format!("{NAME}.js"))
    }

    fn shorten_names(&self, wasm: &Path) -> Result<()> {
        let path = self.script();
        let script = files::read_text(&path)?;
        let (script, module) = short_names::shorten(&script, &files::read(wasm)?)?;
        files::write(&path, script)?;
        files::write(wasm, module)
    }

    fn make(
        &self,
        workspace: &Workspace,
        pkg: &Path,
        build: Build,
        wasm_opt: Option<&WasmOpt>,
    ) -> Result<()> {
        files::remove(&self.bound)?;
        files::create_folder(&self.bound)?;
        let cut = parts::cut(&self.compiled, &self.bound, NAME)?;
        let bound = Bindgen::new()
            .input_path(&cut.first)
            // The other parts meet it there.
            .keep_lld_exports(true)
            .out_name(NAME)
            .web(true)
            .and_then(|bindgen| {
                bindgen
                    .typescript(false)
                    .remove_name_section(true)
                    .remove_producers_section(true)
                    .omit_default_module_path(false)
                    .generate(&self.bound)
            });
        bound.with_context(|| format!("cannot bind {}", self.compiled.display()))?;

        let wasm = self.bound.join(Self::wasm_name());
        let shrunk = pkg.join(Self::wasm_name());
        let whole = files::size(&wasm)?;
        if build == Build::Whole {
            self.shorten_names(&wasm)?;
        }
        shrink(&wasm, &shrunk, build, wasm_opt)?;
        for part in &cut.others {
            let name = part.file_name().context("a part has no name")?;
            shrink(part, &pkg.join(name), build, wasm_opt)?;
            parts::seal(&self.bound.join(parts::SCRIPT), &pkg.join(name))?;
        }
        if build == Build::Whole {
            minify::minify(workspace, &self.script())?;
            minify::minify(workspace, &self.bound.join(parts::SCRIPT))?;
        }
        // What is left is JavaScript: the module's own and, in `snippets`, that of its crates.
        files::copy_folder(&self.bound, pkg)?;
        say::note(format!(
            "pkg/{}: {} → {}",
            Self::wasm_name(),
            say::bytes(whole),
            say::bytes(files::size(&shrunk)?)
        ));
        self.stamp(workspace, wasm_opt)?.set()
    }
}

/// Makes a module or a part of one smaller, and takes the large one away.
fn shrink(from: &Path, to: &Path, build: Build, wasm_opt: Option<&WasmOpt>) -> Result<()> {
    match wasm_opt {
        Some(tool) => tool.shrink(from, to)?,
        None => files::copy(from, to)?,
    }
    if build == Build::Whole {
        files::write(to, function_order::reorder(&files::read(to)?)?)?;
    }
    files::remove(from)
}

/// Brings the files that are served as they are; none stays that is no longer in the tree.
fn copy_static(workspace: &Workspace, site: &Path) -> Result<()> {
    files::create_folder(site)?;
    let entries = fs::read_dir(site).with_context(|| format!("cannot read {}", site.display()))?;
    for entry in entries.flatten() {
        if !KEPT.iter().any(|kept| entry.file_name() == *kept) {
            files::remove(&entry.path())?;
        }
    }
    files::copy(&workspace.root.join("index.html"), &site.join("index.html"))?;
    let assets = workspace.root.join("web").join("static");
    if assets.is_dir() {
        files::copy_folder(&assets, site)?;
    }
    style::bundle(&workspace.root.join("web"), &site.join("page.css"))?;
    say::note(format!("the site is in {}", workspace.show(site)));
    Ok(())
}

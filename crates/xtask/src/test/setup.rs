//! What steps need, each part prepared when the first of them asks for it.

use std::{
    cell::OnceCell,
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use vitrine_hub::DEFAULT_MODEL;

use super::step::Step;
use crate::{model, npm::Tools, requirements, shell, web, workspace::Workspace};

/// The working tree, and what was prepared in it so far.
pub struct Setup<'a> {
    pub workspace: &'a Workspace,
    model: OnceCell<PathBuf>,
    site: OnceCell<PathBuf>,
}

impl<'a> Setup<'a> {
    pub fn new(workspace: &'a Workspace) -> Self {
        Self {
            workspace,
            model: OnceCell::new(),
            site: OnceCell::new(),
        }
    }

    /// What the machine must have for these steps, all at once: a person comes back when it is done.
    pub fn provide(&self, steps: &[Step]) -> Result<()> {
        let any = |wanted: &[Step]| steps.iter().any(|step| wanted.contains(step));
        let mut needs = Vec::new();
        if steps.iter().any(|step| step.has_tests()) {
            needs.push(requirements::VULKAN);
        }
        if any(&[Step::Page]) {
            needs.push(requirements::BROWSER);
        }
        let wants_model = any(&[Step::Models, Step::Cli, Step::Page]);
        // It brings the model and typos.
        if any(&[Step::Lints]) || wants_model && vitrine_hub::find(&DEFAULT_MODEL)?.is_none() {
            needs.push(requirements::PIP);
        }
        requirements::provide(&needs)?;
        if wants_model {
            self.model()?;
        }
        Ok(())
    }

    /// The default model's file.
    pub fn model(&self) -> Result<&PathBuf> {
        once(&self.model, model::fetch)
    }

    /// The site as readers get it, with the model.
    pub fn site(&self) -> Result<&PathBuf> {
        once(&self.site, || {
            let site = web::build(self.workspace, web::Build::Release)?;
            model::add_to_site(self.model()?, &site)?;
            Ok(site)
        })
    }

    /// Tells the tests in a browser where everything lies.
    pub fn hand_over(&self, command: &mut Command) -> Result<()> {
        let chrome = requirements::chrome().context("Chromium cannot be found")?;
        let driver = requirements::chromedriver().context("chromedriver cannot be found")?;
        let program = Path::new("release/vitrine").with_extension(env::consts::EXE_EXTENSION);
        let target = &self.workspace.target;
        command
            .env("VITRINE_MODEL", self.model()?)
            .env("VITRINE_BIN", target.join(program))
            .env("VITRINE_SITE", self.site()?)
            .env("VITRINE_SCREENSHOTS", target.join("screenshots"))
            .env("VITRINE_CHROME", chrome)
            .env("VITRINE_CHROMEDRIVER", driver);
        if let Some(tools) = Tools::provide(self.workspace)? {
            command.env("VITRINE_AXE", tools.path("axe-core/axe.min.js"));
        }
        Ok(())
    }

    /// A cargo for the native code.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = shell::cargo(self.workspace);
        command.args(arguments);
        // Without it Mesa complains at every start; nothing here uses it.
        if env::var_os("XDG_RUNTIME_DIR").is_none() {
            command.env("XDG_RUNTIME_DIR", &self.workspace.target);
        }
        command
    }
}

/// What a cell holds, made first if it holds nothing.
fn once<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    match cell.get() {
        Some(made) => Ok(made),
        None => make().map(|made| cell.get_or_init(|| made)),
    }
}

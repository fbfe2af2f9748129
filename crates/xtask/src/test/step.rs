//! The steps: what each is for, what it runs, and what it needs.

use anyhow::{Result, ensure};
use clap::ValueEnum;

use super::{programs, setup::Setup};
use crate::{isa, requirements, shell, web, weight};

/// A step of the test run. The comments of the variants are the texts of `--list` and `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// The code is formatted (rustfmt)
    Format,
    /// No misspelt words (typos), and no clippy warnings in native code
    Lints,
    /// No clippy warnings in the code for the web, and the fuzz targets compile
    LintsWeb,
    /// The native program and all tests compile
    Build,
    /// Unit tests, and tests of single crates
    Unit,
    /// Each kernel computes what its CPU twin computes, and naga accepts every permutation
    Kernels,
    /// Models generate, hold and refuse what they do in transformers
    Models,
    /// The command line prints what it should, and refuses bad input in one sentence
    Cli,
    /// Compiled for real GPUs, no kernel spills registers or needs more instructions than before
    Isa,
    /// The page compiles to wasm and stays within its limit of bytes
    Site,
    /// The page works in Chromium, which accepts every permutation of the kernels
    Page,
}

impl Step {
    /// All steps, the cheapest first.
    pub const ALL: &[Self] = &[
        Self::Format,
        Self::Lints,
        Self::LintsWeb,
        Self::Build,
        Self::Unit,
        Self::Kernels,
        Self::Models,
        Self::Cli,
        Self::Isa,
        Self::Site,
        Self::Page,
    ];

    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |it| it.get_name().to_owned())
    }

    /// What holds when it passes.
    pub fn sentence(self) -> String {
        let help = self
            .to_possible_value()
            .and_then(|it| it.get_help().cloned());
        help.map_or_else(String::new, |it| it.to_string())
    }

    /// What `--quick` tells the test runner of its tests; nothing if it runs all, and no step if none.
    pub fn quick(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Format | Self::Lints | Self::Build | Self::Unit => Some(&[]),
            // These compile hundreds of permutations; golden tokens exercise the same kernels.
            Self::Kernels => Some(&[
                "--skip=matmul::",
                "--skip=attention",
                "--skip=fused::",
                "--skip=packed_x::",
                "--skip=pages::",
                "--skip=top_k::",
            ]),
            Self::Models => Some(&["golden"]),
            _ => None,
        }
    }

    /// Whether it runs tests, of which one can choose some.
    pub fn has_tests(self) -> bool {
        matches!(
            self,
            Self::Unit | Self::Kernels | Self::Models | Self::Cli | Self::Page
        )
    }

    /// Runs it among other `steps`, and of its tests those that `filter` names.
    pub fn run(self, setup: &Setup, steps: &[Self], filter: &[&str]) -> Result<()> {
        ensure!(
            filter.is_empty() || self.has_tests(),
            "this step has no tests to choose from"
        );
        let workspace = setup.workspace;
        match self {
            Self::Format => {
                let mut format = setup.cargo(&["fmt", "--all", "--check"]);
                shell::run(&mut format, "`cargo fmt --all --check`")
            }
            Self::Lints => {
                requirements::check_spelling(workspace)?;
                let mut clippy =
                    setup.cargo(&["clippy", "--release", "--workspace", "--all-targets"]);
                shell::run(clippy.args(["--", "-D", "warnings"]), "clippy")
            }
            Self::LintsWeb => {
                web::lint(workspace)?;
                programs::check_fuzz_targets(setup)
            }
            Self::Build => programs::build(setup, steps),
            Self::Isa => {
                programs::build_isa(setup)?;
                isa::check(workspace)
            }
            Self::Site => weight::check(setup.site()?),
            Self::Unit | Self::Kernels | Self::Models | Self::Cli | Self::Page => {
                programs::run(setup, self, filter)
            }
        }
    }
}

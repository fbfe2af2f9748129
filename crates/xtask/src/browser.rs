//! A Chromium and its driver, for the tests of the page.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{
    requirements::{Need, Packages},
    shell,
};

/// A browser and the program that drives it.
pub struct Browser {
    /// Chromium or Chrome.
    pub chrome: PathBuf,
    /// chromedriver of the same version.
    pub driver: PathBuf,
}

impl Browser {
    /// What `VITRINE_CHROME` and `VITRINE_CHROMEDRIVER` name, else what lies in the usual places.
    pub fn find() -> Option<Self> {
        Some(Self {
            chrome: chrome()?,
            driver: driver()?,
        })
    }
}

/// The browser and its driver, if one of them is missing.
pub fn need() -> Option<Need> {
    Browser::find().is_none().then_some(Need {
        why: "Chromium and its driver: the page is tested in a real browser with WebGPU",
        packages: Packages {
            apt: &["chromium", "chromium-driver"],
            dnf: &["chromium", "chromedriver"],
            pacman: &["chromium"],
            zypper: &["chromium", "chromedriver"],
            brew: &["google-chrome", "chromedriver"],
            winget: &["Google.Chrome", "Chromium.ChromeDriver"],
        },
    })
}

fn chrome() -> Option<PathBuf> {
    let names = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "chrome",
    ];
    from_variable("VITRINE_CHROME")
        .or_else(|| names.iter().find_map(|name| shell::find(name)))
        .or_else(|| installed_chromes().into_iter().find(|path| path.is_file()))
}

fn driver() -> Option<PathBuf> {
    from_variable("VITRINE_CHROMEDRIVER").or_else(|| shell::find("chromedriver"))
}

fn from_variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .map(PathBuf::from)
        .filter(|path| path.is_file())
}

/// Where installers put it on systems that do not use `PATH`.
fn installed_chromes() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = ["Google Chrome", "Chromium"]
        .iter()
        .map(|name| Path::new("/Applications").join(format!("{name}.app/Contents/MacOS/{name}")))
        .collect();
    for folder in ["ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA"] {
        if let Some(folder) = env::var_os(folder) {
            paths.push(Path::new(&folder).join("Google/Chrome/Application/chrome.exe"));
        }
    }
    paths
}

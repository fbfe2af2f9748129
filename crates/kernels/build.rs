//! Takes comments and indents out of the shaders, which the page carries in its module. Lines stay
//! where they are, so that what a compiler says of them can be found.

#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "it runs where cargo does, for the page too"
)]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let shaders = Path::new("../../shaders");
    println!("cargo::rerun-if-changed={}", shaders.display());
    let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from) else {
        return Err(io::Error::other("cargo sets OUT_DIR"));
    };
    strip(shaders, &out)?;
    for folder in ["attention", "common", "software"] {
        strip(&shaders.join(folder), &out.join(folder))?;
    }
    Ok(())
}

/// The files of a folder, into another.
fn strip(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            fs::write(to.join(name), bare(&fs::read_to_string(&path)?))?;
        }
    }
    Ok(())
}

/// WGSL has no strings, so that `//` is always a comment.
fn bare(shader: &str) -> String {
    let code = |line: &str| {
        line.split("//")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let lines: Vec<_> = shader.lines().map(code).collect();
    lines.join("\n") + "\n"
}

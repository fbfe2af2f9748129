//! Copies the shaders to where `include_str!` finds them, and lists the fragments by path.

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
    let mut fragments = Vec::new();
    copy(shaders, &out, "", &mut fragments)?;
    fragments.sort();
    let mut list = String::from("&[\n");
    for name in fragments {
        let known = name.strip_prefix("common/").unwrap_or(&name);
        let file = format!("concat!(env!(\"OUT_DIR\"), \"/{name}.wgsl\")");
        list += &format!("    (\"{known}\", include_str!({file})),\n");
    }
    fs::write(out.join("fragments.rs"), list + "]\n")
}

/// Copies a folder with the folders in it. What is in an inner folder is a fragment, imported by its path.
fn copy(from: &Path, to: &Path, prefix: &str, fragments: &mut Vec<String>) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let (Some(name), Some(stem)) = (path.file_name(), path.file_stem()) else {
            continue;
        };
        if path.is_dir() {
            let prefix = format!("{prefix}{}/", name.display());
            copy(&path, &to.join(name), &prefix, fragments)?;
            continue;
        }
        fs::copy(&path, to.join(name))?;
        if !prefix.is_empty() {
            fragments.push(format!("{prefix}{}", stem.display()));
        }
    }
    Ok(())
}

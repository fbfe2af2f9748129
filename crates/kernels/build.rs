//! Lists the shaders' fragments by path, and for the page, which carries them in its module, takes comments and
//! indents out. Lines stay where they are, so that what a compiler says of them can be found.

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
    let for_page = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32");
    let mut fragments = Vec::new();
    copy(shaders, &out, "", for_page, &mut fragments)?;
    fragments.sort();
    let mut list = String::from("&[\n");
    for name in fragments {
        let known = name.strip_prefix("common/").unwrap_or(&name);
        let file = format!("concat!(env!(\"OUT_DIR\"), \"/{name}.wgsl\")");
        list += &format!("    (\"{known}\", include_str!({file})),\n");
    }
    fs::write(out.join("fragments.rs"), list + "]\n")
}

/// The files of a folder and of those in it, into another; what lies in a folder can be imported by its path.
fn copy(
    from: &Path,
    to: &Path,
    prefix: &str,
    for_page: bool,
    fragments: &mut Vec<String>,
) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let (Some(name), Some(stem)) = (path.file_name(), path.file_stem()) else {
            continue;
        };
        if path.is_dir() {
            let prefix = format!("{prefix}{}/", name.display());
            copy(&path, &to.join(name), &prefix, for_page, fragments)?;
            continue;
        }
        let text = fs::read_to_string(&path)?;
        fs::write(to.join(name), if for_page { bare(&text) } else { text })?;
        if !prefix.is_empty() {
            fragments.push(format!("{prefix}{}", stem.display()));
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

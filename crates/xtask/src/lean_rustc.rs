//! Takes features away from dependencies of the page.
//!
//! Cargo gives a crate all features that anybody asks for. `tokenizers` asks for every engine of
//! `regex-automata` and for all tables of `regex-syntax`, which would be a tenth of the worker. So
//! cargo calls this program in the compiler's place (`RUSTC_WRAPPER`), and it passes on what it is
//! told but for those features. Natively they stay: the same patterns match the same text.
//! Unicode normalization gets smaller tables in the same way (`lean_normalization.rs`).

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};

use crate::lean_normalization;

/// The crates, and the features that they do without.
const DROPPED: [(&str, &[&str]); 2] = [
    // A prompt is short: the lazy DFA that is left splits it in no time.
    (
        "regex_automata",
        &[
            "dfa",
            "dfa-build",
            "dfa-onepass",
            "dfa-search",
            "perf",
            "perf-inline",
            "perf-literal",
            "perf-literal-multisubstring",
            "perf-literal-substring",
        ],
    ),
    // `\p{Age=…}`, and borders of words and sentences: no tokenizer has them in a pattern.
    ("regex_syntax", &["unicode-age", "unicode-segment"]),
];

/// Tells this program that it is called in the compiler's place.
const MARK: &str = "VITRINE_LEAN_RUSTC";

/// Puts this program in the place of the compiler that `cargo` calls.
pub fn apply(cargo: &mut Command) {
    if let Ok(program) = env::current_exe() {
        cargo.env("RUSTC_WRAPPER", program).env(MARK, "1");
    }
}

/// Whether cargo calls.
pub fn is_called() -> bool {
    env::var_os(MARK).is_some()
}

/// Calls the compiler, which is the first argument.
pub fn run() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(rustc) = arguments.next() else {
        return ExitCode::FAILURE;
    };
    let arguments = match with_lean_source(without_dropped(arguments.collect())) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let status = Command::new(rustc).args(arguments).status();
    match status.map(|status| status.code()) {
        Ok(Some(code)) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        _ => ExitCode::FAILURE,
    }
}

/// What follows a flag.
fn value<'a>(arguments: &'a [OsString], flag: &str) -> Option<&'a OsString> {
    let at = arguments.iter().position(|argument| argument == flag)?;
    arguments.get(at + 1)
}

fn is_for_web(arguments: &[OsString], name: &str) -> bool {
    value(arguments, "--crate-name").is_some_and(|value| value == name)
        && value(arguments, "--target").is_some_and(|value| value == "wasm32-unknown-unknown")
}

/// Puts the source with small tables in the place of the crate's own.
fn with_lean_source(mut arguments: Vec<OsString>) -> Result<Vec<OsString>> {
    if !is_for_web(&arguments, lean_normalization::CRATE) {
        return Ok(arguments);
    }
    let output = value(&arguments, "--out-dir").context("the compiler is told no --out-dir")?;
    let folder = Path::new(output).join("lean-normalization");
    let root = arguments
        .iter_mut()
        .find(|argument| Path::new(argument).ends_with("src/lib.rs"))
        .context("the compiler is told no src/lib.rs")?;
    lean_normalization::write(Path::new(root), &folder)?;
    *root = folder.join("lib.rs").into_os_string();
    Ok(arguments)
}

fn without_dropped(arguments: Vec<OsString>) -> Vec<OsString> {
    let dropped = DROPPED
        .iter()
        .find(|(name, _)| is_for_web(&arguments, name));
    let Some((_, features)) = dropped else {
        return arguments;
    };
    let is_dropped = |value: &OsStr| {
        features
            .iter()
            .any(|feature| value == OsStr::new(&format!("feature=\"{feature}\"")))
    };
    let mut left = Vec::new();
    let mut rest = arguments.into_iter().peekable();
    while let Some(argument) = rest.next() {
        if argument == "--cfg" && rest.peek().is_some_and(|value| is_dropped(value)) {
            rest.next();
        } else {
            left.push(argument);
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::without_dropped;

    fn call(name: &str, target: &str) -> Vec<std::ffi::OsString> {
        let fixed = ["--crate-name", name, "--cfg", "feature=\"hybrid\"", "--cfg"];
        let rest = ["feature=\"dfa-onepass\"", "--target", target, "src/lib.rs"];
        fixed.iter().chain(&rest).map(Into::into).collect()
    }

    #[test]
    fn only_the_named_feature_of_the_named_crate_is_dropped() {
        let wasm = "wasm32-unknown-unknown";
        let mut expected = call("regex_automata", wasm);
        expected.drain(4..6);
        assert_eq!(without_dropped(call("regex_automata", wasm)), expected);
        assert_eq!(without_dropped(call("regex", wasm)), call("regex", wasm));
    }

    #[test]
    fn natively_everything_stays() {
        let native = call("regex_automata", "x86_64-unknown-linux-gnu");
        assert_eq!(without_dropped(native.clone()), native);
    }
}

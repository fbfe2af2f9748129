//! Takes features away from dependencies of the page.
//!
//! Cargo gives a crate all features that anybody asks for. `tokenizers` asks for every engine of
//! `regex-automata` and for all tables of `regex-syntax`, which would be a tenth of the worker. So
//! cargo calls this program in the compiler's place (`RUSTC_WRAPPER`), and it passes on what it is
//! told but for those features. Natively they stay: the same patterns match the same text.

use std::{
    env,
    ffi::{OsStr, OsString},
    process::{Command, ExitCode},
};

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
    let status = Command::new(rustc)
        .args(without_dropped(arguments.collect()))
        .status();
    match status.map(|status| status.code()) {
        Ok(Some(code)) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        _ => ExitCode::FAILURE,
    }
}

fn without_dropped(arguments: Vec<OsString>) -> Vec<OsString> {
    let follows = |flag: &str, value: &str| {
        arguments
            .windows(2)
            .any(|pair| pair[0] == flag && pair[1] == value)
    };
    let dropped = DROPPED
        .iter()
        .find(|(name, _)| follows("--crate-name", name))
        .filter(|_| follows("--target", "wasm32-unknown-unknown"));
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

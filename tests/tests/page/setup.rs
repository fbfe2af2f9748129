//! What `cargo xtask test` hands over.

use std::{env, path::PathBuf};

/// The path in a variable that `cargo xtask test` sets.
pub fn path(variable: &str) -> PathBuf {
    match env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => panic!("{variable} is not set: run these tests with `cargo xtask test`"),
    }
}

/// The path in a variable, if it is set.
pub fn optional_path(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from)
}

//! Tells the linker to keep what `cargo xtask` needs to cut the module into parts.

#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "it runs where cargo does, for the page too"
)]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo::rustc-link-arg-cdylib=--emit-relocs");
    }
}

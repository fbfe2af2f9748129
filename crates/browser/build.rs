//! Makes the linker emit relocations, which `cargo xtask` needs to split the module.

#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "build scripts run on the host, also when the page is built"
)]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo::rustc-link-arg-cdylib=--emit-relocs");
    }
}

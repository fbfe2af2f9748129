//! The page in a real Chromium with WebGPU.
//!
//! `cargo xtask test` builds the site, says where everything lies and runs these; they are ignored
//! elsewhere. WebGPU comes from SwiftShader, so that no GPU is needed and every machine computes
//! the same; it makes about a token a second.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod alone;
mod app;
mod arrivals;
mod driver;
mod failures;
mod golden;
mod hub;
mod hub_models;
mod inside;
mod local_models;
mod native;
mod offline;
mod panels;
mod recordings;
mod reference;
mod session;
mod setup;
mod shaders;
mod site;
mod subgroups;
mod tilings;
mod tuning;
mod visit;
mod worker;

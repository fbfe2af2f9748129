//! Builds, serves, tests and packs Vitrine.
fn main() {}

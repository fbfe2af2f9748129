//! Runs a decoder language model on the desktop GPU and shows what happens inside.
fn main() {}

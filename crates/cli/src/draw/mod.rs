//! Pictures in files.

mod curves;
mod picture;
mod pixels;

pub use curves::{Chart, Curve};
pub use picture::{Drawing, picture_path, save};

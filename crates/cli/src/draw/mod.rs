//! Pictures in files.

mod curves;
mod heatmap;
mod picture;
mod pixels;

pub use curves::{Chart, Curve};
pub use heatmap::Heatmap;
pub use picture::{Drawing, picture_path, save};

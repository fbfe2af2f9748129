//! Pictures in files.

mod bars;
mod curves;
mod heatmap;
mod picture;
mod pixels;

pub use bars::Bars;
pub use curves::{Chart, Curve};
pub use heatmap::Heatmap;
pub use picture::{Drawing, picture_path, save};

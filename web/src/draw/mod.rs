//! How numbers become marks.

pub mod colour;
pub mod export;
pub mod labels;
pub mod legend;
pub mod raster;

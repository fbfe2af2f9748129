//! How numbers become marks.

pub mod colour;
pub mod export;
pub mod raster;

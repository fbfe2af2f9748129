//! Colours, labels, legends, images and export of graphics.

pub mod colour;
pub mod export;
pub mod labels;
pub mod legend;
pub mod raster;

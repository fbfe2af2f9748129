use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::prelude::{DrawingBackend, SVGBackend, WHITE};

use super::pixels::Pixels;
use crate::exit::WrongArgument;

/// A drawing, independent of the file format.
pub trait Drawing {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);
    /// Draws on a white ground.
    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>>;
}

/// Maximum pixels of a picture's longer side.
const LARGEST: u32 = 20_000;

/// A path whose extension selects the format.
pub fn picture_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg" | "png") => Ok(path),
        _ => Err("pictures are .svg or .png files".to_owned()),
    }
}

/// Writes a picture as SVG or PNG, according to the file's extension.
pub fn save(drawing: &impl Drawing, path: &Path) -> anyhow::Result<()> {
    let size = drawing.size();
    if size.0.max(size.1) > LARGEST {
        return Err(WrongArgument(format!(
            "The picture would be {} × {} pixels: choose a shorter prompt, or --json for the numbers.",
            size.0, size.1
        ))
        .into());
    }
    let bytes = if path.extension().is_some_and(|extension| extension == "png") {
        let mut pixels = Pixels::new(size);
        paint(drawing, &mut pixels)?;
        pixels.png()?
    } else {
        let mut text = String::new();
        paint(drawing, SVGBackend::with_string(&mut text, size))?;
        text.into_bytes()
    };
    fs::write(path, bytes)
        .map_err(|error| anyhow!("{} cannot be written: {error}.", path.display()))
}

fn paint<B: DrawingBackend>(drawing: &impl Drawing, backend: B) -> anyhow::Result<()>
where
    B::ErrorType: Error + 'static,
{
    let area = backend.into_drawing_area();
    let painted = area
        .fill(&WHITE)
        .and_then(|()| drawing.draw(&area))
        .and_then(|()| area.present());
    painted.map_err(|error| anyhow!("The picture cannot be drawn: {error}."))
}

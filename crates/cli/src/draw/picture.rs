use std::error::Error;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::prelude::{DrawingBackend, SVGBackend, WHITE};

use super::pixels::Pixels;

/// What can be drawn, whatever the file.
pub trait Drawing {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);
    /// Draws on a white ground.
    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>>;
}

/// The most pixels of a picture's longer side.
const LARGEST: u32 = 20_000;

/// Writes a picture as SVG or PNG, as the file's name says.
pub fn save(drawing: &impl Drawing, path: &Path) -> anyhow::Result<()> {
    let size = drawing.size();
    if size.0.max(size.1) > LARGEST {
        bail!(
            "The picture would be {} × {} pixels: choose a shorter prompt, or --json for the numbers.",
            size.0,
            size.1
        );
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    let bytes = match extension {
        Some("svg") => {
            let mut text = String::new();
            paint(drawing, SVGBackend::with_string(&mut text, size))?;
            text.into_bytes()
        }
        Some("png") => {
            let mut pixels = Pixels::new(size);
            paint(drawing, &mut pixels)?;
            pixels.png()?
        }
        _ => bail!("Pictures are .svg or .png files, not {}.", path.display()),
    };
    fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
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

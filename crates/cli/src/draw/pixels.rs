use std::convert::Infallible;

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

const HEIGHT: RasterHeight = RasterHeight::Size16;
const WEIGHT: FontWeight = FontWeight::Regular;

/// A bitmap that pictures are drawn on. Text is of one size: its letters are bitmaps too.
pub struct Pixels {
    size: (u32, u32),
    /// Rows of red, green and blue.
    rgb: Vec<u8>,
}

impl Pixels {
    /// All black.
    pub fn new(size: (u32, u32)) -> Self {
        let bytes = size.0 as usize * size.1 as usize * 3;
        Self {
            size,
            rgb: vec![0; bytes],
        }
    }

    /// A PNG file.
    pub fn png(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.size.0, self.size.1);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgb)?;
        writer.finish()?;
        Ok(bytes)
    }
}

/// Replacement for letters that the font lacks.
fn drawable(letter: char) -> char {
    match letter {
        '␣' => '·',
        '↵' => '¶',
        letter => letter,
    }
}

fn text_size(text: &str) -> (i32, i32) {
    let width = get_raster_width(WEIGHT, HEIGHT) * text.chars().count();
    (width as i32, HEIGHT.val() as i32)
}

impl DrawingBackend for &mut Pixels {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn draw_pixel(
        &mut self,
        (x, y): BackendCoord,
        color: BackendColor,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return Ok(());
        };
        if x < self.size.0 && y < self.size.1 {
            let at = 3 * (y as usize * self.size.0 as usize + x as usize);
            let new = [color.rgb.0, color.rgb.1, color.rgb.2];
            for (old, new) in self.rgb[at..at + 3].iter_mut().zip(new) {
                let mixed = f64::from(*old) * (1.0 - color.alpha) + f64::from(new) * color.alpha;
                *old = mixed.round() as u8;
            }
        }
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        _style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let (width, height) = text_size(text);
        Ok((width as u32, height as u32))
    }

    fn draw_text<T: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &T,
        (x, y): BackendCoord,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (width, height) = text_size(text);
        let left = match style.anchor().h_pos {
            HPos::Left => 0,
            HPos::Center => -width / 2,
            HPos::Right => -width,
        };
        let top = match style.anchor().v_pos {
            VPos::Top => 0,
            VPos::Center => -height / 2,
            VPos::Bottom => -height,
        };
        let mut pen = left;
        for letter in text.chars() {
            let known = get_raster(drawable(letter), WEIGHT, HEIGHT);
            let raster = known.or(get_raster('?', WEIGHT, HEIGHT));
            let Some(raster) = raster else { continue };
            for (row, pixels) in (0..).zip(raster.rows()) {
                for (column, ink) in (0..).zip(pixels) {
                    let (dx, dy) = style.transform().transform(pen + column, top + row);
                    let mut color = style.color();
                    color.alpha *= f64::from(*ink) / 255.0;
                    self.draw_pixel((x + dx, y + dy), color)?;
                }
            }
            pen += raster.width() as i32;
        }
        Ok(())
    }
}

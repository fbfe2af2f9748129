//! Matrices as pictures: one pixel per cell, to be scaled without smoothing.

use leptos::prelude::document;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use crate::draw::colour::Rgb;

/// A picture; unpainted pixels are transparent.
pub struct Raster {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
}

impl Raster {
    /// A transparent image.
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            rgba: vec![0; (width * height * 4) as usize],
        }
    }

    /// Paints a cell.
    pub fn paint(&mut self, column: u32, row: u32, [red, green, blue]: Rgb) {
        let at = ((row * self.width + column) * 4) as usize;
        if column < self.width
            && let Some(cell) = self.rgba.get_mut(at..at + 4)
        {
            cell.copy_from_slice(&[red, green, blue, 255]);
        }
    }

    /// As a `data:` URL of a PNG, for `<image href=…>`; `None` if the browser has no canvas.
    pub fn url(&self) -> Option<String> {
        if self.width == 0 || self.height == 0 {
            return None;
        }
        let canvas: HtmlCanvasElement =
            document().create_element("canvas").ok()?.dyn_into().ok()?;
        canvas.set_width(self.width);
        canvas.set_height(self.height);
        let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
        let data = ImageData::new_with_u8_clamped_array_and_sh(
            Clamped(&self.rgba),
            self.width,
            self.height,
        );
        context.put_image_data(&data.ok()?, 0.0, 0.0).ok()?;
        canvas.to_data_url().ok()
    }
}

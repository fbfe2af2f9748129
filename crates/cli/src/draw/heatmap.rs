use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Rectangle, Text};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, FontTransform, IntoFont, RGBColor, TextStyle};

use super::Drawing;

/// A matrix in colours, with a name for each row and column.
pub struct Heatmap {
    /// The title.
    pub title: String,
    /// Names of the rows, from the top.
    pub rows: Vec<String>,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// (rows, columns), 0 white and 1 blue; below 0 red.
    pub values: Vec<Vec<f64>>,
}

/// Pixels of a letter and of a cell.
const LETTER: i32 = 8;
const CELL: i32 = 22;
const MARGIN: i32 = 12;
const TITLE: i32 = 34;

impl Heatmap {
    /// Width of the longest name in pixels.
    fn longest(names: &[String]) -> i32 {
        let letters = names.iter().map(|name| name.chars().count()).max();
        LETTER * letters.unwrap_or(0).min(24) as i32 + 8
    }

    /// Position of the matrix.
    fn origin(&self) -> (i32, i32) {
        (
            MARGIN + Self::longest(&self.rows),
            MARGIN + TITLE + Self::longest(&self.columns),
        )
    }
}

/// A value's colour.
fn colour(value: f64) -> RGBColor {
    let full = if value < 0.0 {
        [178, 24, 43]
    } else {
        [8, 64, 129]
    };
    let share = value.abs().clamp(0.0, 1.0);
    let [r, g, b] = full.map(|full: u8| (255.0 - (255.0 - f64::from(full)) * share).round() as u8);
    RGBColor(r, g, b)
}

impl Drawing for Heatmap {
    fn size(&self) -> (u32, u32) {
        let (left, top) = self.origin();
        let width = left + CELL * self.columns.len() as i32 + MARGIN;
        let title = LETTER * self.title.chars().count() as i32 + 2 * MARGIN;
        let height = top + CELL * self.rows.len() as i32 + MARGIN;
        (width.max(title) as u32, height as u32)
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let (left, top) = self.origin();
        let font = ("monospace", 16).into_font().color(&BLACK);
        let anchored = |h_pos, v_pos| -> TextStyle<'_> { font.pos(Pos::new(h_pos, v_pos)) };
        let title = anchored(HPos::Left, VPos::Top);
        area.draw(&Text::new(self.title.as_str(), (MARGIN, MARGIN), title))?;
        for (index, name) in (0..).zip(&self.rows) {
            let at = (left - 6, top + CELL * index + CELL / 2);
            area.draw(&Text::new(
                cut(name),
                at,
                anchored(HPos::Right, VPos::Center),
            ))?;
        }
        let upwards = anchored(HPos::Left, VPos::Center).transform(FontTransform::Rotate270);
        for (index, name) in (0..).zip(&self.columns) {
            let at = (left + CELL * index + CELL / 2, top - 6);
            area.draw(&Text::new(cut(name), at, upwards.clone()))?;
        }
        for (row, values) in (0..).zip(&self.values) {
            for (column, value) in (0..).zip(values) {
                let (x, y) = (left + CELL * column, top + CELL * row);
                let corners = [(x, y), (x + CELL, y + CELL)];
                area.draw(&Rectangle::new(corners, colour(*value).filled()))?;
                area.draw(&Rectangle::new(corners, BLACK.mix(0.12)))?;
            }
        }
        Ok(())
    }
}

fn cut(name: &str) -> String {
    name.chars().take(24).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_from_white_to_full() {
        assert_eq!(colour(0.0), RGBColor(255, 255, 255));
        assert_eq!(colour(1.0), RGBColor(8, 64, 129));
        assert_eq!(colour(-1.0), RGBColor(178, 24, 43));
        assert_eq!(colour(2.0), colour(1.0));
    }
}

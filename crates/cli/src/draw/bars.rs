use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Rectangle, Text};
use plotters::prelude::DrawingBackend;
use plotters::style::{BLACK, Color, RGBColor};

use super::Drawing;

/// Stacked bars: one bar per item, on a common scale.
pub struct Bars {
    /// The title.
    pub title: String,
    /// The unit, such as `ms`.
    pub unit: &'static str,
    /// Names of the parts in their order in each bar; at most seven.
    pub parts: Vec<&'static str>,
    /// Name and parts of each bar.
    pub bars: Vec<(String, Vec<f64>)>,
}

const WIDTH: i32 = 900;
const LEFT: i32 = 150;
const RIGHT: i32 = 90;
const TOP: i32 = 84;
const BAR: i32 = 30;
const FONT: (&str, i32) = ("sans-serif", 15);
/// Distinguishable for colour-blind people (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(150, 150, 150),
];

impl Drawing for Bars {
    fn size(&self) -> (u32, u32) {
        let height = TOP + (self.bars.len() as i32) * (BAR + 14) + 10;
        (WIDTH as u32, height as u32)
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let text = |text: &str, at: (i32, i32)| Text::new(text.to_owned(), at, FONT);
        area.draw(&Text::new(self.title.clone(), (12, 12), ("sans-serif", 20)))?;
        let step = (WIDTH - 24) / self.parts.len().max(1) as i32;
        for ((x, part), colour) in (0..).map(|i| 12 + i * step).zip(&self.parts).zip(COLOURS) {
            area.draw(&Rectangle::new([(x, 48), (x + 12, 60)], colour.filled()))?;
            area.draw(&text(part, (x + 18, 46)))?;
        }
        let totals = self.bars.iter().map(|(_, parts)| parts.iter().sum::<f64>());
        let longest = totals.fold(f64::MIN_POSITIVE, f64::max);
        let scale = f64::from(WIDTH - LEFT - RIGHT) / longest;
        for (y, (name, parts)) in (0..).map(|i| TOP + i * (BAR + 14)).zip(&self.bars) {
            area.draw(&text(name, (12, y + 8)))?;
            let mut sum = 0.0;
            for (part, colour) in parts.iter().zip(COLOURS) {
                let place = |sum: f64| LEFT + (sum * scale).round() as i32;
                let corners = [(place(sum), y), (place(sum + part), y + BAR)];
                area.draw(&Rectangle::new(corners, colour.filled()))?;
                sum += part;
            }
            let end = LEFT + (sum * scale).round() as i32;
            let total = format!("{sum:.1} {}", self.unit);
            area.draw(&text(&total, (end + 8, y + 8)))?;
        }
        let axis = [(LEFT, TOP - 6), (LEFT, self.size().1 as i32 - 10)];
        area.draw(&plotters::element::PathElement::new(axis, BLACK.mix(0.5)))
    }
}

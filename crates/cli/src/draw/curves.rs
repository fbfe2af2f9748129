use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::PathElement;
use plotters::prelude::{DrawingBackend, LineSeries};
use plotters::style::{BLACK, Color, RGBColor, WHITE};

use super::Drawing;

/// Curves over steps, one chart below the other.
pub struct Chart {
    /// The title.
    pub title: String,
    /// Label of the steps.
    pub x: &'static str,
    /// Label of the values.
    pub y: &'static str,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// One value for each step.
pub struct Curve {
    /// Name in the legend.
    pub name: String,
    /// Its values, of steps 1, 2, …
    pub values: Vec<f64>,
}

const SIZE: (u32, u32) = (900, 420);
const FONT: (&str, i32) = ("sans-serif", 16);
/// Distinguishable for colour-blind people and in greyscale.
const COLOURS: [RGBColor; 2] = [RGBColor(0, 90, 181), RGBColor(220, 50, 32)];

impl Drawing for Vec<Chart> {
    fn size(&self) -> (u32, u32) {
        (SIZE.0, SIZE.1 * self.len() as u32)
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        for (chart, area) in self.iter().zip(area.split_evenly((self.len(), 1))) {
            chart.draw(&area)?;
        }
        Ok(())
    }
}

impl Chart {
    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let steps = self.curves.iter().map(|curve| curve.values.len()).max();
        let values = self.curves.iter().flat_map(|curve| &curve.values);
        let highest = values.copied().fold(f64::MIN_POSITIVE, f64::max);
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(84)
            .build_cartesian_2d(1.0..steps.unwrap_or(1).max(2) as f64, 0.0..highest * 1.05)?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .x_label_formatter(&|step| format!("{step:.0}"))
            .label_style(FONT)
            .axis_desc_style(FONT)
            .light_line_style(WHITE)
            .draw()?;
        for (curve, colour) in self.curves.iter().zip(COLOURS) {
            let points = (1..).map(f64::from).zip(curve.values.iter().copied());
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                .label(&curve.name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(FONT)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        Ok(())
    }
}

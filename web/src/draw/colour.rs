//! Colour scales that can be read with any kind of colour vision.

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// Cividis (Nuñez, Anderton, Renslow 2018, doi 10.1371/journal.pone.0199239), sampled from
/// matplotlib at equal steps.
const CIVIDIS: [Rgb; 17] = [
    [0, 34, 78],
    [0, 46, 106],
    [26, 56, 111],
    [50, 67, 109],
    [67, 78, 108],
    [83, 90, 109],
    [97, 101, 111],
    [111, 112, 115],
    [125, 124, 120],
    [140, 136, 120],
    [155, 148, 118],
    [171, 160, 114],
    [188, 174, 108],
    [205, 187, 99],
    [222, 201, 88],
    [240, 216, 70],
    [254, 232, 56],
];

/// From blue (less) through light grey (equal) to orange (more).
const DIVERGING: [Rgb; 5] = [
    [8, 69, 148],
    [107, 161, 210],
    [238, 238, 236],
    [240, 160, 84],
    [163, 67, 0],
];

/// The colour of a magnitude from 0 to 1.
pub fn magnitude(value: f64) -> Rgb {
    between(&CIVIDIS, value)
}

/// The colour of a difference from -1 to 1.
pub fn difference(value: f64) -> Rgb {
    between(&DIVERGING, (value + 1.0) / 2.0)
}

/// Black or white, whichever has the higher contrast on a colour.
pub fn ink_on([red, green, blue]: Rgb) -> &'static str {
    let linear = |channel: u8| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 {
            channel / 12.92
        } else {
            ((channel + 0.055) / 1.055).powf(2.4)
        }
    };
    // Relative luminance (WCAG 2.2); above this black has the higher contrast.
    let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    if luminance > 0.179 { "#000" } else { "#fff" }
}

/// `#00224e`.
pub fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn between(stops: &[Rgb], value: f64) -> Rgb {
    let value = if value.is_nan() { 0.0 } else { value };
    let at = value.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let low = at.floor() as usize;
    let high = (low + 1).min(stops.len() - 1);
    let share = at - low as f64;
    let mix = |channel: usize| {
        let (low, high) = (
            f64::from(stops[low][channel]),
            f64::from(stops[high][channel]),
        );
        (low + (high - low) * share).round() as u8
    };
    [mix(0), mix(1), mix(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_begin_and_end_where_they_should() {
        assert_eq!(magnitude(0.0), CIVIDIS[0]);
        assert_eq!(magnitude(1.0), CIVIDIS[16]);
        assert_eq!(magnitude(f64::NAN), CIVIDIS[0]);
        assert_eq!(difference(-2.0), DIVERGING[0]);
        assert_eq!(difference(0.0), DIVERGING[2]);
        assert_eq!(difference(1.0), DIVERGING[4]);
        assert_eq!(hex(magnitude(0.0)), "#00224e");
    }

    #[test]
    fn magnitudes_grow_lighter() {
        let sum = |rgb: Rgb| rgb.iter().map(|it| u32::from(*it)).sum::<u32>();
        for step in 0..100 {
            let (one, next) = (f64::from(step) / 100.0, f64::from(step + 1) / 100.0);
            assert!(sum(magnitude(one)) <= sum(magnitude(next)), "{step}");
        }
    }

    #[test]
    fn ink_can_be_read() {
        assert_eq!(ink_on([0, 34, 78]), "#fff");
        assert_eq!(ink_on([254, 232, 56]), "#000");
    }
}

//! Row and column labels of a matrix, inside an `<svg>`.

use leptos::prelude::*;

/// Minimum units between two labels.
const LINE: f64 = 13.0;

/// Row labels, with the first row at the origin. If rows are too thin, only some are labelled, among them `chosen`.
pub fn rows(words: &[String], height: f64, chosen: Option<u32>) -> impl IntoView + use<> {
    let shown = shown(words, height, chosen);
    shown
        .into_iter()
        .map(|(index, word, chosen)| {
            let y = (f64::from(index) + 0.5) * height;
            view! {
                <text class:chosen=chosen x="-6" y=y text-anchor="end" dominant-baseline="central">
                    {word}
                </text>
            }
        })
        .collect_view()
}

/// Column labels. Long ones are `slanted`.
pub fn columns(
    words: &[String],
    width: f64,
    chosen: Option<u32>,
    slanted: bool,
) -> impl IntoView + use<> {
    let shown = shown(words, width / if slanted { 1.0 } else { 1.4 }, chosen);
    shown
        .into_iter()
        .map(|(index, word, chosen)| {
            let x = (f64::from(index) + 0.5) * width;
            let turn = slanted.then(|| format!("rotate(-60 {x} -6)"));
            let anchor = if slanted { "start" } else { "middle" };
            view! {
                <text class:chosen=chosen x=x y="-6" text-anchor=anchor transform=turn>
                    {word}
                </text>
            }
        })
        .collect_view()
}

/// The labels that fit.
fn shown(words: &[String], size: f64, chosen: Option<u32>) -> Vec<(u32, String, bool)> {
    let step = (LINE / size).ceil().max(1.0) as u32;
    let near = |index: u32| chosen.is_some_and(|it| it != index && it.abs_diff(index) < step);
    (0..)
        .zip(words)
        .filter(|(index, _)| chosen == Some(*index) || (index % step == 0 && !near(*index)))
        .map(|(index, word)| (index, word.clone(), chosen == Some(index)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn words_do_not_overlap() {
        let words: Vec<String> = (0..8).map(|it: u32| it.to_string()).collect();
        let indices = |size, chosen| -> Vec<u32> {
            let shown = shown(&words, size, chosen);
            shown.into_iter().map(|(index, ..)| index).collect()
        };
        assert_eq!(indices(13.0, None).len(), 8);
        assert_eq!(indices(4.0, None), [0, 4]);
        assert_eq!(indices(4.0, Some(6)), [0, 6]);
    }
}

use leptos::prelude::*;

/// A column header.
pub struct Head {
    text: String,
    is_word: bool,
}

/// The header of a column of numbers.
pub fn number(text: impl Into<String>) -> Head {
    let text = text.into();
    Head {
        text,
        is_word: false,
    }
}

/// The header of a column of words, which are left-aligned.
pub fn word(text: impl Into<String>) -> Head {
    let text = text.into();
    Head {
        text,
        is_word: true,
    }
}

/// A table of numbers.
#[component]
pub fn NumberTable(
    heads: Vec<Head>,
    #[prop(optional)] testid: Option<&'static str>,
    /// An additional class from the panel's own style sheet.
    #[prop(optional)]
    class: &'static str,
    rows: impl IntoView + 'static,
) -> impl IntoView {
    let head = |head: Head| view! { <th scope="col" class:word=head.is_word>{head.text}</th> };
    view! {
        <table class=format!("numbers {class}") data-testid=testid>
            <thead>
                <tr>{heads.into_iter().map(head).collect_view()}</tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

/// A table of a grid's cells; rows count from 0.
#[component]
pub fn GridTable(
    /// The header of the row numbers.
    corner: &'static str,
    columns: Vec<String>,
    rows: u32,
    /// The text of a cell; empty if unknown.
    cell: impl Fn(u32, u32) -> Option<String> + Send + 'static,
) -> impl IntoView {
    let count = columns.len() as u32;
    let heads = std::iter::once(number(corner)).chain(columns.into_iter().map(number));
    let row = move |row: u32| {
        let cells = (0..count).map(|column| view! { <td>{cell(row, column)}</td> });
        view! {
            <tr>
                <th scope="row">{row}</th>
                {cells.collect_view()}
            </tr>
        }
    };
    view! {
        <NumberTable heads=heads.collect() rows=(0..rows).map(row).collect_view() />
    }
}

use leptos::html;
use leptos::prelude::*;
use web_sys::{Element, KeyboardEvent};

use crate::draw::export;
use crate::i18n::t;

/// Writes the graphic inside an element to a file.
type Save = fn(&Element, &str) -> Option<()>;

/// The frame of a graphic: title and note, a table of the same numbers, saving as a file, and
/// full-window display. The graphic is an `<svg class="graphic">`.
#[component]
pub fn Figure(
    /// Also the name of saved files.
    testid: &'static str,
    #[prop(into)] title: Signal<String>,
    /// A sentence that says what is shown and how it was measured.
    #[prop(optional, into)]
    note: Option<Signal<String>>,
    /// The numbers as a table, built on demand.
    #[prop(into)]
    table: ViewFn,
    children: ChildrenFn,
) -> impl IntoView {
    let as_table = RwSignal::new(false);
    let whole = RwSignal::new(false);
    let place = NodeRef::<html::Div>::new();
    let save = move |id: &'static str, name: &'static str, write: Save| {
        let save = move |_| {
            if let Some(place) = place.get_untracked() {
                write(&place, testid);
            }
        };
        view! {
            <button
                type="button"
                class="button button-quiet"
                data-testid=id
                disabled=move || as_table.get()
                on:click=save
            >
                {name}
            </button>
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "Escape" && whole.get_untracked() {
            event.stop_propagation();
            whole.set(false);
        }
    };
    let graphic = StoredValue::new(children);
    view! {
        <figure
            class="panel figure"
            class:figure-whole=move || whole.get()
            data-testid=testid
            on:keydown=on_key
        >
            <figcaption class="figure-head">
                <h3 class="figure-title">{move || title.get()}</h3>
                <div class="figure-tools">
                    {toggle("as-table", t("figure-table"), as_table)}
                    {save("save-svg", "SVG", export::save_svg)}
                    {save("save-png", "PNG", export::save_png)}
                    {toggle("maximise", t("figure-whole"), whole)}
                </div>
                {note.map(|note| view! { <p class="hint figure-note">{move || note.get()}</p> })}
            </figcaption>
            <div class="figure-body" node_ref=place>
                {move || if as_table.get() {
                    view! { <div class="figure-table" tabindex="0">{table.run()}</div> }.into_any()
                } else {
                    graphic.with_value(|graphic| graphic()).into_any()
                }}
            </div>
        </figure>
    }
}

/// A toggle button.
fn toggle(id: &'static str, name: &'static str, is_on: RwSignal<bool>) -> impl IntoView {
    view! {
        <button
            type="button"
            class="button button-quiet"
            data-testid=id
            aria-pressed=move || is_on.get().to_string()
            on:click=move |_| is_on.update(|it| *it = !*it)
        >
            {name}
        </button>
    }
}

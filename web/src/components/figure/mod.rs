use leptos::html;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use crate::draw::export;
use crate::i18n::t;

/// The frame of a graphic: its title and what it shows, the same numbers as a table, the graphic
/// as a file, and the whole window for it. The graphic is an `<svg class="graphic">`.
#[component]
pub fn Figure(
    /// Also the name of saved files.
    testid: &'static str,
    #[prop(into)] title: Signal<String>,
    /// A sentence on what is seen and how it was measured.
    #[prop(optional, into)]
    note: Option<Signal<String>>,
    /// The numbers as a table; built when somebody wants it.
    #[prop(into)]
    table: ViewFn,
    children: ChildrenFn,
) -> impl IntoView {
    let as_table = RwSignal::new(false);
    let whole = RwSignal::new(false);
    let place = NodeRef::<html::Div>::new();
    let save = move |write: fn(&web_sys::Element, &str) -> Option<()>| {
        if let Some(place) = place.get_untracked() {
            write(&place, testid);
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
                    <button
                        type="button"
                        class="button button-quiet"
                        data-testid="as-table"
                        aria-pressed=move || as_table.get().to_string()
                        on:click=move |_| as_table.update(|it| *it = !*it)
                    >
                        {t("figure-table")}
                    </button>
                    <button
                        type="button"
                        class="button button-quiet"
                        data-testid="save-svg"
                        disabled=move || as_table.get()
                        on:click=move |_| save(export::save_svg)
                    >
                        "SVG"
                    </button>
                    <button
                        type="button"
                        class="button button-quiet"
                        data-testid="save-png"
                        disabled=move || as_table.get()
                        on:click=move |_| save(export::save_png)
                    >
                        "PNG"
                    </button>
                    <button
                        type="button"
                        class="button button-quiet"
                        data-testid="maximise"
                        aria-pressed=move || whole.get().to_string()
                        on:click=move |_| whole.update(|it| *it = !*it)
                    >
                        {t("figure-whole")}
                    </button>
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

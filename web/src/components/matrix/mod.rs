mod keys;

pub use keys::Cell;
use leptos::prelude::*;

use crate::reactive::effect;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, MouseEvent};

/// A matrix of cells as one picture inside an `<svg>`, with its corner at the origin. The pointer or the arrow keys
/// point at a cell; a click, Enter or the space bar selects it. Only the cell that is pointed at is an element, so
/// that large matrices cost no more than small ones.
#[component]
pub fn Matrix(
    testid: &'static str,
    #[prop(into)] label: Signal<String>,
    /// Rows and columns.
    #[prop(into)]
    size: Signal<Cell>,
    /// Width and height of a cell.
    #[prop(into)]
    cell: Signal<(f64, f64)>,
    /// Data URL of an image of all cells.
    #[prop(into)]
    picture: Signal<Option<String>>,
    /// The selected cell.
    #[prop(into)]
    selected: Signal<Option<Cell>>,
    /// The cell under the pointer or the keyboard cursor.
    pointed: RwSignal<Option<Cell>>,
    /// The text of a cell for screen readers.
    spoken: Callback<Cell, String>,
    on_choose: Callback<Cell>,
    /// Drawn over the image.
    #[prop(optional)]
    children: Option<ChildrenFn>,
) -> impl IntoView {
    let cursor = RwSignal::new(selected.get_untracked().unwrap_or_default());
    effect(move || {
        if let Some(selected) = selected.get() {
            cursor.set(selected);
        }
    });
    let width = move || f64::from(size.get().1) * cell.get().0;
    let height = move || f64::from(size.get().0) * cell.get().1;
    let on_key = move |event: KeyboardEvent| {
        if event.meta_key() || event.alt_key() {
            return;
        }
        let key = event.key();
        if key == "Enter" || key == " " {
            event.prevent_default();
            on_choose.run(cursor.get_untracked());
        } else if let Some(to) = keys::moved(
            &key,
            event.ctrl_key(),
            cursor.get_untracked(),
            size.get_untracked(),
        ) {
            event.prevent_default();
            cursor.set(to);
            pointed.set(Some(to));
        }
    };
    let on_move = move |event: MouseEvent| pointed.set(cell_at(&event, size.get_untracked()));
    let on_click = move |event: MouseEvent| {
        if let Some(cell) = cell_at(&event, size.get_untracked()) {
            cursor.set(cell);
            on_choose.run(cell);
        }
    };
    let frame = move |at: Cell| {
        let (width, height) = cell.get();
        (
            f64::from(at.1) * width,
            f64::from(at.0) * height,
            width,
            height,
        )
    };
    let outline = move |class: &'static str, at: Cell| {
        let (x, y, width, height) = frame(at);
        view! {
            <rect class="matrix-halo" x=x y=y width=width height=height />
            <rect class=class x=x y=y width=width height=height />
        }
    };
    let id = format!("{testid}-cell");
    let active = id.clone();
    view! {
        <g
            class="matrix"
            role="grid"
            tabindex="0"
            data-testid=testid
            data-rows=move || size.get().0.to_string()
            data-columns=move || size.get().1.to_string()
            aria-label=move || label.get()
            aria-rowcount=move || size.get().0.to_string()
            aria-colcount=move || size.get().1.to_string()
            aria-activedescendant=active
            on:keydown=on_key
            on:focus=move |_| pointed.set(Some(cursor.get_untracked()))
            on:blur=move |_| pointed.set(None)
        >
            <g aria-hidden="true">
                <image
                    x="0"
                    y="0"
                    width=width
                    height=height
                    preserveAspectRatio="none"
                    href=move || picture.get()
                />
                {children.map(|children| children())}
                {move || selected.get().map(|at| outline("matrix-selected", at))}
                {move || pointed.get().map(|at| outline("matrix-pointed", at))}
            </g>
            <g role="row" aria-rowindex=move || (cursor.get().0 + 1).to_string()>
                <rect
                    role="gridcell"
                    id=id
                    class="matrix-cursor"
                    x=move || frame(cursor.get()).0
                    y=move || frame(cursor.get()).1
                    width=move || cell.get().0
                    height=move || cell.get().1
                    aria-colindex=move || (cursor.get().1 + 1).to_string()
                    aria-selected=move || (selected.get() == Some(cursor.get())).to_string()
                    aria-label=move || spoken.run(cursor.get())
                />
            </g>
            <rect
                class="matrix-hit"
                aria-hidden="true"
                x="0"
                y="0"
                width=width
                height=height
                on:mousemove=on_move
                on:mouseleave=move |_| pointed.set(None)
                on:click=on_click
            />
        </g>
    }
}

/// The grid cell under the mouse; the event's target must cover exactly the grid.
fn cell_at(event: &MouseEvent, (rows, columns): Cell) -> Option<Cell> {
    let element: Element = event.current_target()?.dyn_into().ok()?;
    let place = element.get_bounding_client_rect();
    let share = |at: f64, size: f64, count: u32| {
        let index = (at / size * f64::from(count)).floor();
        (index >= 0.0 && index < f64::from(count)).then_some(index as u32)
    };
    let row = share(
        f64::from(event.client_y()) - place.top(),
        place.height(),
        rows,
    )?;
    let column = share(
        f64::from(event.client_x()) - place.left(),
        place.width(),
        columns,
    )?;
    Some((row, column))
}

//! A static copy of elements.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};

/// Prefix of all ids in the copy.
const PREFIX: &str = "frozen-";
/// Attributes that refer to ids.
const NAMING: [&str; 4] = ["fill", "for", "aria-labelledby", "aria-describedby"];

/// Puts a copy of the content of `live` into `place`, without ids and test ids, so that it is not mistaken for the
/// original.
pub fn take(live: &Element, place: &Element) {
    place.set_inner_html("");
    let Ok(copy) = live.clone_node_with_deep(true) else {
        return;
    };
    let Ok(copy) = copy.dyn_into::<Element>() else {
        return;
    };
    let pairs: Vec<_> = all(live).into_iter().zip(all(&copy)).collect();
    for (from, to) in &pairs {
        values(from, to);
        rename(to);
    }
    while let Some(child) = copy.first_child() {
        let _ = place.append_child(&child);
    }
    // Elements can scroll only after they are added to the page.
    for (from, to) in &pairs {
        to.set_scroll_top(from.scroll_top());
        to.set_scroll_left(from.scroll_left());
    }
}

fn all(root: &Element) -> Vec<Element> {
    let found = root.get_elements_by_tag_name("*");
    (0..found.length())
        .filter_map(|index| found.item(index))
        .collect()
}

/// Typed and chosen values are not attributes and are not copied with them.
fn values(from: &Element, to: &Element) {
    if let (Some(from), Some(to)) = (
        from.dyn_ref::<HtmlInputElement>(),
        to.dyn_ref::<HtmlInputElement>(),
    ) {
        if from.type_() != "file" {
            to.set_value(&from.value());
        }
        to.set_checked(from.checked());
    }
    if let (Some(from), Some(to)) = (
        from.dyn_ref::<HtmlTextAreaElement>(),
        to.dyn_ref::<HtmlTextAreaElement>(),
    ) {
        to.set_value(&from.value());
    }
    if let (Some(from), Some(to)) = (
        from.dyn_ref::<HtmlSelectElement>(),
        to.dyn_ref::<HtmlSelectElement>(),
    ) {
        to.set_value(&from.value());
    }
}

fn rename(element: &Element) {
    let _ = element.remove_attribute("data-testid");
    if let Some(id) = element.get_attribute("id") {
        let _ = element.set_attribute("id", &format!("{PREFIX}{id}"));
    }
    for name in NAMING {
        let Some(value) = element.get_attribute(name) else {
            continue;
        };
        let renamed = match value.strip_prefix("url(#") {
            Some(rest) => format!("url(#{PREFIX}{rest}"),
            None if name == "fill" => continue,
            None => value
                .split_whitespace()
                .map(|id| format!("{PREFIX}{id}"))
                .collect::<Vec<_>>()
                .join(" "),
        };
        let _ = element.set_attribute(name, &renamed);
    }
}

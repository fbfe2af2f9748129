//! Saves graphics as files: each is an SVG, which is saved directly or painted into a PNG.

use leptos::prelude::{document, window};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    Blob, BlobPropertyBag, CanvasRenderingContext2d, Element, HtmlAnchorElement, HtmlCanvasElement,
    HtmlImageElement, Url, XmlSerializer,
};

/// CSS properties that are written to the file.
const STYLES: [&str; 14] = [
    "fill",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-dasharray",
    "opacity",
    "font-family",
    "font-size",
    "font-weight",
    "text-anchor",
    "dominant-baseline",
    "image-rendering",
    "visibility",
];

/// Pixels of a PNG per CSS pixel.
const SHARPNESS: f64 = 2.0;

/// Saves the graphic inside `place` as an SVG file.
pub fn save_svg(place: &Element, name: &str) -> Option<()> {
    let (text, ..) = svg_text(place)?;
    save_text(&text, "image/svg+xml", &format!("{name}.svg"))
}

/// Saves the graphic inside `place` as a PNG file.
pub fn save_png(place: &Element, name: &str) -> Option<()> {
    let (text, width, height) = svg_text(place)?;
    let image = HtmlImageElement::new().ok()?;
    let file = format!("{name}.png");
    let painted = image.clone();
    let on_load = Closure::once_into_js(move || {
        paint(&painted, width, height, file);
    });
    image.set_onload(Some(on_load.unchecked_ref()));
    let encoded = js_sys::encode_uri_component(&text);
    image.set_src(&format!("data:image/svg+xml;charset=utf-8,{encoded}"));
    Some(())
}

/// Saves a text as a file.
pub fn save_text(text: &str, kind: &str, name: &str) -> Option<()> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let blob = Blob::new_with_str_sequence_and_options(&parts, &options).ok()?;
    save(&blob, name)
}

fn save(blob: &Blob, name: &str) -> Option<()> {
    let url = Url::create_object_url_with_blob(blob).ok()?;
    let link: HtmlAnchorElement = document().create_element("a").ok()?.dyn_into().ok()?;
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The download keeps its own reference to the bytes.
    Url::revoke_object_url(&url).ok()
}

fn paint(image: &HtmlImageElement, width: f64, height: f64, name: String) -> Option<()> {
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width((width * SHARPNESS) as u32);
    canvas.set_height((height * SHARPNESS) as u32);
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    context.scale(SHARPNESS, SHARPNESS).ok()?;
    context
        .draw_image_with_html_image_element_and_dw_and_dh(image, 0.0, 0.0, width, height)
        .ok()?;
    let on_blob = Closure::once_into_js(move |blob: JsValue| {
        if let Ok(blob) = blob.dyn_into::<Blob>() {
            save(&blob, &name);
        }
    });
    canvas.to_blob(on_blob.unchecked_ref()).ok()
}

/// The first graphic inside `place` as text with all styles written out, its width and its height.
fn svg_text(place: &Element) -> Option<(String, f64, f64)> {
    let svg = place.query_selector("svg.graphic").ok()??;
    let copy: Element = svg.clone_node_with_deep(true).ok()?.dyn_into().ok()?;
    let (width, height) = {
        let place = svg.get_bounding_client_rect();
        (place.width(), place.height())
    };
    write_styles(&svg, &copy)?;
    copy.set_attribute("xmlns", "http://www.w3.org/2000/svg")
        .ok()?;
    copy.set_attribute("width", &width.to_string()).ok()?;
    copy.set_attribute("height", &height.to_string()).ok()?;
    let background = window()
        .get_computed_style(place)
        .ok()??
        .get_property_value("background-color")
        .ok()?;
    let ground = document()
        .create_element_ns(Some("http://www.w3.org/2000/svg"), "rect")
        .ok()?;
    for (name, value) in [("width", "100%"), ("height", "100%"), ("fill", &background)] {
        ground.set_attribute(name, value).ok()?;
    }
    copy.prepend_with_node_1(&ground).ok()?;
    let text = XmlSerializer::new().ok()?.serialize_to_string(&copy).ok()?;
    Some((text, width, height))
}

/// Writes computed styles as attributes: the page's Content-Security-Policy forbids inline styles.
fn write_styles(from: &Element, to: &Element) -> Option<()> {
    let styles = window().get_computed_style(from).ok()??;
    for name in STYLES {
        let value = styles.get_property_value(name).ok()?;
        if !value.is_empty() {
            to.set_attribute(name, &value).ok()?;
        }
    }
    let (children, copies) = (from.children(), to.children());
    for index in 0..children.length() {
        if let (Some(child), Some(copy)) = (children.item(index), copies.item(index)) {
            write_styles(&child, &copy);
        }
    }
    Some(())
}

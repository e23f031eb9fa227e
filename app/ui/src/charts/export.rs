//! A chart as SVG, PNG or CSV file.

use super::{
    ChartSpec,
    draw::{Drawing, svg_file},
};
use crate::files;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement, Url};

fn file_name(spec: &ChartSpec, ending: &str) -> String {
    let plain: String = spec
        .title
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    format!("{}.{ending}", plain.trim_matches('-'))
}

/// Downloads the drawing as SVG.
pub fn svg(spec: &ChartSpec, drawing: &Drawing) {
    let _ = files::download(&file_name(spec, "svg"), "image/svg+xml", svg_file(spec, drawing).as_bytes());
}

/// Downloads the values as CSV, one row a point.
pub fn csv(spec: &ChartSpec) {
    let head = ["series", spec.x.title.as_str(), spec.y.title.as_str()].map(files::csv_field).join(",");
    let rows = spec.series.iter().flat_map(|series| {
        let name = files::csv_field(&series.name);
        series.points.iter().map(move |(x, y)| format!("{name},{x},{y}"))
    });
    let text = std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\r\n");
    let _ = files::download(&file_name(spec, "csv"), "text/csv", text.as_bytes());
}

/// Downloads the drawing as PNG at twice its size: the SVG is painted onto a canvas.
pub fn png(spec: &ChartSpec, drawing: &Drawing) {
    let name = file_name(spec, "png");
    let _ = paint(name, &svg_file(spec, drawing));
}

fn paint(name: String, text: &str) -> Option<()> {
    let url = Url::create_object_url_with_blob(&files::blob("image/svg+xml", text.as_bytes())?).ok()?;
    let image = HtmlImageElement::new().ok()?;
    let painted = image.clone();
    let source = url.clone();
    let on_load = Closure::once_into_js(move || {
        let canvas: Option<HtmlCanvasElement> =
            document().create_element("canvas").ok().and_then(|canvas| canvas.dyn_into().ok());
        if let Some(canvas) = canvas {
            canvas.set_width(painted.natural_width() * 2);
            canvas.set_height(painted.natural_height() * 2);
            let context = canvas
                .get_context("2d")
                .ok()
                .flatten()
                .and_then(|context| context.dyn_into::<CanvasRenderingContext2d>().ok());
            if let Some(context) = context {
                let _ = context.scale(2.0, 2.0);
                let _ = context.draw_image_with_html_image_element(&painted, 0.0, 0.0);
                let save = Closure::once_into_js(move |blob: wasm_bindgen::JsValue| {
                    if let Ok(blob) = blob.dyn_into::<web_sys::Blob>() {
                        let _ = files::download_blob(&name, &blob);
                    }
                });
                let _ = canvas.to_blob(save.unchecked_ref());
            }
        }
        let _ = Url::revoke_object_url(&source);
    });
    image.set_onload(Some(on_load.unchecked_ref()));
    image.set_src(&url);
    Some(())
}

//! Small images on canvases.

use leptos::{html::Canvas, prelude::*};
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

/// Side of a digit image.
pub const SIDE: usize = 28;

/// Paints grey values (ink = 255 is dark) of a square image.
pub fn paint(canvas: &HtmlCanvasElement, ink: &[u8], side: usize) {
    let rgba: Vec<u8> = ink.iter().flat_map(|ink| [255 - ink, 255 - ink, 255 - ink, 255]).collect();
    paint_rgba(canvas, &rgba, side);
}

/// Paints RGBA values of a square image.
pub fn paint_rgba(canvas: &HtmlCanvasElement, rgba: &[u8], side: usize) {
    let context = canvas
        .get_context("2d")
        .ok()
        .flatten()
        .and_then(|context| context.dyn_into::<CanvasRenderingContext2d>().ok());
    let Some(context) = context else { return };
    let side = u32::try_from(side).unwrap_or_default();
    if let Ok(image) = ImageData::new_with_u8_clamped_array_and_sh(Clamped(rgba), side, side) {
        let _ = context.put_image_data(&image, 0.0, 0.0);
    }
}

/// One image with a text for those who do not see it.
#[component]
pub fn Tile(ink: Vec<u8>, #[prop(into)] label: String) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    Effect::new(move || {
        if let Some(canvas) = canvas.get() {
            paint(&canvas, &ink, SIDE);
        }
    });
    view! { <canvas node_ref=canvas class="tile" width=SIDE height=SIDE role="img" aria-label=label></canvas> }
}

/// A row of images with their labels.
#[component]
pub fn Strip(pixels: Vec<u8>, labels: Vec<u8>) -> impl IntoView {
    let tiles = pixels.chunks_exact(SIDE * SIDE).zip(labels).map(|(ink, label)| {
        view! { <Tile ink=ink.to_vec() label=format!("A drawn {label}")/> }
    });
    view! { <div class="tiles">{tiles.collect_view()}</div> }
}

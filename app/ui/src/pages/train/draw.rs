//! A canvas to draw a digit on; both models read it as it is drawn.

use super::pixels::{SIDE, Tile};
use crate::{components::Panel, lab::Lab};
use leptos::{ev, html::Canvas, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::CanvasRenderingContext2d;

/// Side of the canvas in its own pixels: ten for each pixel of an image.
const CANVAS: usize = SIDE * 10;
/// Width of the pen, about that of the training images' strokes.
const PEN: f64 = 22.0;

/// The drawing and its readings.
#[expect(clippy::too_many_lines, reason = "five handlers of one canvas")]
#[component]
pub fn DrawPanel() -> impl IntoView {
    let lab = Lab::expect();
    let canvas = NodeRef::<Canvas>::new();
    let last = StoredValue::new(None::<(f64, f64)>);
    let cursor = RwSignal::new((SIDE / 2, SIDE / 2));
    let has_focus = RwSignal::new(false);
    let reader = Reader { lab, canvas, busy: StoredValue::new(false), again: StoredValue::new(false) };
    let down = move |event: ev::PointerEvent| {
        event.prevent_default();
        let Some(element) = canvas.get_untracked() else { return };
        let _ = element.set_pointer_capture(event.pointer_id());
        let at = place(&element, &event);
        stroke(&element, at, at);
        last.set_value(Some(at));
        reader.read();
    };
    let moved = move |event: ev::PointerEvent| {
        let (Some(from), Some(element)) = (last.get_value(), canvas.get_untracked()) else { return };
        let at = place(&element, &event);
        stroke(&element, from, at);
        last.set_value(Some(at));
        reader.read();
    };
    let clear = move |_| {
        if let Some(context) = canvas.get_untracked().as_ref().and_then(context) {
            context.clear_rect(0.0, 0.0, CANVAS as f64, CANVAS as f64);
        }
        lab.reading.set(None);
    };
    let keys = move |event: ev::KeyboardEvent| {
        let (dx, dy) = match event.key().as_str() {
            "ArrowLeft" => (-1, 0),
            "ArrowRight" => (1, 0),
            "ArrowUp" => (0, -1),
            "ArrowDown" => (0, 1),
            " " | "Enter" => (0, 0),
            _ => return,
        };
        event.prevent_default();
        let from = cursor.get_untracked();
        let to =
            (from.0.saturating_add_signed(dx).min(SIDE - 1), from.1.saturating_add_signed(dy).min(SIDE - 1));
        cursor.set(to);
        let centre = |(x, y): (usize, usize)| (x as f64 * 10.0 + 5.0, y as f64 * 10.0 + 5.0);
        // Space inks a dot; Shift with an arrow draws a line.
        if ((dx, dy) == (0, 0) || event.shift_key())
            && let Some(element) = canvas.get_untracked()
        {
            stroke(&element, centre(from), centre(to));
            reader.read();
        }
    };
    let cross_x = move || format!("{:.2}%", (cursor.get().0 as f64 + 0.5) / SIDE as f64 * 100.0);
    let cross_y = move || format!("{:.2}%", (cursor.get().1 as f64 + 0.5) / SIDE as f64 * 100.0);
    view! {
        <Panel title="Draw a digit">
            <div class="draw-grid">
                <div>
                    <div class="draw-frame">
                        <canvas
                            node_ref=canvas
                            class="draw"
                            width=CANVAS
                            height=CANVAS
                            tabindex="0"
                            role="application"
                            aria-label="Drawing area. Arrow keys move the pen, Space inks a dot, Shift with an arrow key draws."
                            data-testid="draw-canvas"
                            on:pointerdown=down
                            on:pointermove=moved
                            on:pointerup=move |_| last.set_value(None)
                            on:pointercancel=move |_| last.set_value(None)
                            on:keydown=keys
                            on:focus=move |_| has_focus.set(true)
                            on:blur=move |_| has_focus.set(false)
                        ></canvas>
                        <span class="pen" class:shown=has_focus aria-hidden="true" style:left=cross_x style:top=cross_y></span>
                    </div>
                    <div class="row">
                        <button data-testid="draw-clear" on:click=clear>"Clear"</button>
                        <span class="muted small">"Mouse, touch or pen; or arrow keys, Space, and Shift with arrows."</span>
                    </div>
                </div>
                <Readings/>
            </div>
        </Panel>
    }
}

/// One classification at a time; a stroke drawn meanwhile is read right after.
#[derive(Clone, Copy)]
struct Reader {
    lab: Lab,
    canvas: NodeRef<Canvas>,
    busy: StoredValue<bool>,
    again: StoredValue<bool>,
}

impl Reader {
    fn read(self) {
        if self.busy.get_value() {
            self.again.set_value(true);
            return;
        }
        let Some(pixels) = self.canvas.get_untracked().as_ref().and_then(pixels) else { return };
        self.busy.set_value(true);
        self.lab.classify(pixels, move || {
            // The page may have moved on meanwhile; then there is nobody to read for.
            if self.busy.try_set_value(false).is_none() && self.again.try_get_value() == Some(true) {
                self.again.set_value(false);
                self.read();
            }
        });
    }
}

fn context(canvas: &web_sys::HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok().flatten()?.dyn_into().ok()
}

fn place(canvas: &web_sys::HtmlCanvasElement, event: &ev::PointerEvent) -> (f64, f64) {
    let bounds = canvas.get_bounding_client_rect();
    let scale = CANVAS as f64 / bounds.width().max(1.0);
    (
        (f64::from(event.client_x()) - bounds.left()) * scale,
        (f64::from(event.client_y()) - bounds.top()) * scale,
    )
}

fn stroke(canvas: &web_sys::HtmlCanvasElement, from: (f64, f64), to: (f64, f64)) {
    let Some(context) = context(canvas) else { return };
    context.set_line_width(PEN);
    context.set_line_cap("round");
    context.set_stroke_style_str("#000");
    context.begin_path();
    context.move_to(from.0, from.1);
    // A dot is a line of no length; a hair makes every browser draw it.
    context.line_to(to.0 + 0.01, to.1);
    context.stroke();
}

/// 28x28 means of the ink, 0 to 255; `None` while there is none.
fn pixels(canvas: &web_sys::HtmlCanvasElement) -> Option<Vec<u8>> {
    let data = context(canvas)?.get_image_data(0.0, 0.0, CANVAS as f64, CANVAS as f64).ok()?.data().0;
    let mut sums = vec![0_u32; SIDE * SIDE];
    for (index, rgba) in data.chunks_exact(4).enumerate() {
        let (x, y) = (index % CANVAS / 10, index / CANVAS / 10);
        if let (Some(sum), Some(alpha)) = (sums.get_mut(y * SIDE + x), rgba.last()) {
            *sum += u32::from(*alpha);
        }
    }
    let ink: Vec<u8> = sums.into_iter().map(|sum| u8::try_from(sum / 100).unwrap_or(u8::MAX)).collect();
    ink.iter().any(|ink| *ink > 0).then_some(ink)
}

fn best(probabilities: &[f32]) -> (usize, f32) {
    let pairs = probabilities.iter().copied().enumerate();
    pairs.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

/// What both models read, as bars and as a sentence.
#[component]
fn Readings() -> impl IntoView {
    let lab = Lab::expect();
    let sentence = move || {
        lab.reading.with(|reading| match reading {
            None => "Nothing drawn yet.".to_owned(),
            Some(reading) => {
                let (digit, share) = best(&reading.float32);
                let float = format!("f32 reads {digit} ({:.0} %)", share * 100.0);
                match &reading.int8 {
                    Some(int8) => {
                        let (digit, share) = best(int8);
                        format!("{float}, INT8 reads {digit} ({:.0} %).", share * 100.0)
                    }
                    None => format!("{float}. Quantise above to compare INT8."),
                }
            }
        })
    };
    let bars = move || {
        lab.reading.get().map(|reading| {
            let rows = (0..10).map(|digit| {
                let share = |values: &[f32]| values.get(digit).copied().unwrap_or(0.0) * 100.0;
                let float = share(&reading.float32);
                let int8 = reading.int8.as_ref().map(|values| share(values));
                view! {
                    <tr>
                        <th scope="row" class="numbers">{digit}</th>
                        <td><meter min="0" max="100" value=float aria-label=format!("f32, digit {digit}")></meter></td>
                        <td class="numbers">{format!("{float:.0} %")}</td>
                        {int8.map(|int8| view! {
                            <td><meter min="0" max="100" value=int8 aria-label=format!("INT8, digit {digit}")></meter></td>
                            <td class="numbers">{format!("{int8:.0} %")}</td>
                        })}
                    </tr>
                }
            });
            let has_int8 = reading.int8.is_some();
            let (float_digit, int8_digit) = (best(&reading.float32).0, reading.int8.as_ref().map(|values| best(values).0));
            view! {
                <table class="readings" data-testid="readings">
                    <thead><tr><td></td><th scope="col" colspan="2">"f32: " <strong data-testid="reading-f32">{float_digit}</strong></th>
                        {has_int8.then(|| view! { <th scope="col" colspan="2">"INT8: " <strong data-testid="reading-int8">{int8_digit}</strong></th> })}</tr></thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
                <div class="row small muted"><Tile ink=reading.seen.clone() label="The drawing as the models see it"/>"As the models see it: centred and scaled like the training images."</div>
            }
        })
    };
    view! {
        <div>
            <p role="status" data-testid="reading">{sentence}</p>
            {bars}
        </div>
    }
}

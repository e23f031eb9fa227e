//! The chart component.

use super::{
    ChartSpec, colour,
    draw::{Drawing, FRAME, HEIGHT, WIDTH, axis_title, draw},
    export,
    scale::with_unit,
};
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;

/// Rows of the table behind a chart.
const TABLE_ROWS: usize = 200;

/// A chart with hover and keyboard values, log switches, a legend that toggles, a table, and export.
#[component]
pub fn Chart(#[prop(into)] spec: Signal<ChartSpec>) -> impl IntoView {
    let (x_log, y_log) = spec.with_untracked(|spec| (RwSignal::new(spec.x.log), RwSignal::new(spec.y.log)));
    let hidden = RwSignal::new(Vec::<usize>::new());
    let drawing = Memo::new_with_compare(
        move |_| spec.with(|spec| draw(spec, (x_log.get(), y_log.get()), &hidden.get())),
        |_, _| true,
    );
    let cursor = RwSignal::new(None::<f64>);
    let values =
        Signal::derive(move || cursor.get().map(|at| spec.with(|spec| read_at(spec, &hidden.get(), at))));
    let pointer = move |event: ev::PointerEvent| {
        let Some(place) = place_of(&event) else { return };
        cursor.set(Some(drawing.with_untracked(|drawing| drawing.x.value(place))));
    };
    let keys = move |event: ev::KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowLeft" => -1,
            "ArrowRight" => 1,
            "Escape" => {
                cursor.set(None);
                return;
            }
            _ => return,
        };
        event.prevent_default();
        cursor.update(|cursor| *cursor = spec.with_untracked(|spec| neighbour(spec, *cursor, step)));
    };
    let title = move || spec.with(|spec| spec.title.clone());
    let label = move || {
        spec.with(|spec| {
            format!(
                "{}: {} against {}. Arrow keys read values; the table below holds them all.",
                spec.title, spec.y.title, spec.x.title
            )
        })
    };
    view! {
        <figure class="chart">
            <figcaption>
                <span class="chart-title">{title}</span>
                <span class="chart-tools">
                    <label class="check"><input type="checkbox" prop:checked=x_log on:change=move |event| x_log.set(event_target_checked(&event))/>"log x"</label>
                    <label class="check"><input type="checkbox" prop:checked=y_log on:change=move |event| y_log.set(event_target_checked(&event))/>"log y"</label>
                    <button class="quiet small" on:click=move |_| drawing.with_untracked(|drawing| spec.with_untracked(|spec| export::svg(spec, drawing)))>"SVG"</button>
                    <button class="quiet small" on:click=move |_| drawing.with_untracked(|drawing| spec.with_untracked(|spec| export::png(spec, drawing)))>"PNG"</button>
                    <button class="quiet small" on:click=move |_| spec.with_untracked(export::csv)>"CSV"</button>
                </span>
            </figcaption>
            <svg
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                role="img"
                tabindex="0"
                aria-label=label
                on:pointermove=pointer
                on:pointerleave=move |_| cursor.set(None)
                on:keydown=keys
            >
                {move || drawing.with(|drawing| spec.with(|spec| frame(spec, drawing)))}
                {move || drawing.with(shapes)}
                {move || values.get().and_then(|(at, _)| drawing.with(|drawing| crosshair(drawing, at)))}
            </svg>
            <p class="chart-values numbers small" role="status">
                {move || values.get().map_or_else(|| "\u{a0}".to_owned(), |(_, text)| text)}
            </p>
            {move || spec.with(|spec| legend(spec, hidden))}
            <DataTable spec/>
        </figure>
    }
}

/// The pointer's place in the drawing's own units.
fn place_of(event: &ev::PointerEvent) -> Option<f64> {
    let element: web_sys::Element = event.current_target()?.dyn_into().ok()?;
    let bounds = element.get_bounding_client_rect();
    Some((f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0) * WIDTH)
}

/// The x of the point nearest to `at` in the first series in view, and all values there as text.
fn read_at(spec: &ChartSpec, hidden: &[usize], at: f64) -> (f64, String) {
    let nearest = |points: &[(f64, f64)]| {
        points.iter().copied().min_by(|a, b| (a.0 - at).abs().total_cmp(&(b.0 - at).abs()))
    };
    let mut x = at;
    let mut parts = vec![];
    for (index, series) in spec.series.iter().enumerate() {
        if hidden.contains(&index) {
            continue;
        }
        if let Some(point) = nearest(&series.points) {
            if parts.is_empty() {
                x = point.0;
            }
            parts.push(format!("{} {}", series.name, with_unit(point.1, &spec.y.unit)));
        }
    }
    (x, format!("{} {}: {}", spec.x.title, with_unit(x, &spec.x.unit), parts.join(", ")))
}

/// The x of the point before or after the cursor in the longest series.
fn neighbour(spec: &ChartSpec, cursor: Option<f64>, step: isize) -> Option<f64> {
    let points = spec.series.iter().map(|series| &series.points).max_by_key(|points| points.len())?;
    let at = match cursor {
        None => points.len() / 2,
        Some(x) => {
            let index =
                points.iter().position(|point| point.0 >= x).unwrap_or(points.len().saturating_sub(1));
            index.saturating_add_signed(step).min(points.len().saturating_sub(1))
        }
    };
    points.get(at).map(|point| point.0)
}

fn frame(spec: &ChartSpec, drawing: &Drawing) -> impl IntoView + use<> {
    let (left, top, right, bottom) = FRAME;
    let columns = drawing.x_ticks.iter().map(|(x, text)| {
        view! {
            <path class="grid" d=format!("M{x:.1} {top}V{bottom}")></path>
            <text x=format!("{x:.1}") y=bottom + 17.0 text-anchor="middle">{text.clone()}</text>
        }
    });
    let rows = drawing.y_ticks.iter().map(|(y, text)| {
        view! {
            <path class="grid" d=format!("M{left} {y:.1}H{right}")></path>
            <text x=left - 7.0 y=format!("{:.1}", y + 4.0) text-anchor="end">{text.clone()}</text>
        }
    });
    view! {
        {columns.collect_view()}
        {rows.collect_view()}
        <text x=(left + right) / 2.0 y=HEIGHT - 8.0 text-anchor="middle">{axis_title(&spec.x.title, &spec.x.unit)}</text>
        <text transform=format!("translate(18 {}) rotate(-90)", (top + bottom) / 2.0) text-anchor="middle">{axis_title(&spec.y.title, &spec.y.unit)}</text>
    }
}

fn shapes(drawing: &Drawing) -> impl IntoView + use<> {
    let series = drawing.shapes.iter().map(|shape| {
        let stroke = colour(shape.index);
        let dots = shape.dots.iter().map(|(x, y)| view! { <circle cx=format!("{x:.1}") cy=format!("{y:.1}") r="4" fill=stroke></circle> });
        view! {
            <path d=shape.path.clone() fill="none" stroke=stroke stroke-width="2" stroke-linejoin="round" stroke-dasharray=shape.dashed.then_some("6 4")></path>
            {dots.collect_view()}
        }
    });
    let marks = drawing.marks.iter().map(|(x, y, label, to_left)| {
        let (dx, anchor) = if *to_left { (-8.0, "end") } else { (8.0, "start") };
        view! {
            <circle class="mark" cx=format!("{x:.1}") cy=format!("{y:.1}") r="4"></circle>
            <text class="mark-label" x=format!("{:.1}", x + dx) y=format!("{:.1}", y - 8.0) text-anchor=anchor>{label.clone()}</text>
        }
    });
    view! {
        {series.collect_view()}
        {marks.collect_view()}
    }
}

fn crosshair(drawing: &Drawing, at: f64) -> Option<impl IntoView + use<>> {
    let (_, top, _, bottom) = FRAME;
    let x = drawing.x.place(at)?;
    Some(view! { <path class="crosshair" d=format!("M{x:.1} {top}V{bottom}")></path> })
}

fn legend(spec: &ChartSpec, hidden: RwSignal<Vec<usize>>) -> impl IntoView + use<> {
    let entries = spec.series.iter().enumerate().map(|(index, series)| {
        let is_shown = move || !hidden.with(|hidden| hidden.contains(&index));
        let toggle = move |_| {
            hidden.update(|hidden| match hidden.iter().position(|other| *other == index) {
                Some(at) => drop(hidden.remove(at)),
                None => hidden.push(index),
            });
        };
        view! {
            <button class="legend-entry" aria-pressed=move || if is_shown() { "true" } else { "false" } on:click=toggle>
                <span class="swatch" aria-hidden="true" style:background-color=colour(index)></span>
                {series.name.clone()}
            </button>
        }
    });
    view! { <div class="legend">{entries.collect_view()}</div> }
}

/// The values in a table, made only when it is opened.
#[component]
fn DataTable(spec: Signal<ChartSpec>) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let body = move || {
        is_open.get().then(|| {
            spec.with(|spec| {
                let total: usize = spec.series.iter().map(|series| series.points.len()).sum();
                let every = total.div_ceil(TABLE_ROWS).max(1);
                let rows: Vec<_> = spec
                    .series
                    .iter()
                    .flat_map(|series| series.points.iter().step_by(every).map(|(x, y)| (series.name.clone(), *x, *y)))
                    .map(|(name, x, y)| {
                        let (x, y) = (with_unit(x, &spec.x.unit), with_unit(y, &spec.y.unit));
                        view! { <tr><td>{name}</td><td class="numbers">{x}</td><td class="numbers">{y}</td></tr> }
                    })
                    .collect();
                let note = (every > 1).then(|| format!("Every {every}th of {total} values; the CSV file holds all."));
                view! {
                    <div class="scroll" tabindex="0" role="group" aria-label=format!("{}, values", spec.title)>
                        <table>
                            <thead><tr><th>"Series"</th><th class="numbers">{spec.x.title.clone()}</th><th class="numbers">{spec.y.title.clone()}</th></tr></thead>
                            <tbody>{rows}</tbody>
                        </table>
                    </div>
                    <p class="muted small">{note}</p>
                }
            })
        })
    };
    view! {
        <details class="chart-table" on:toggle=move |event| is_open.set(event_target::<web_sys::HtmlDetailsElement>(&event).open())>
            <summary class="small">"As a table"</summary>
            {body}
        </details>
    }
}

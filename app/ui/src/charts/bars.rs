//! A whole as the sum of its parts, against a capacity if there is one.

use super::colour;
use leptos::prelude::*;

/// One part.
#[derive(Debug, Clone, PartialEq)]
pub struct BarPart {
    /// What it is.
    pub label: String,
    /// Its size.
    pub value: f64,
    /// Its size as text.
    pub text: String,
}

/// A horizontal stacked bar with a legend that holds every value.
#[component]
pub fn StackedBar(
    #[prop(into)] title: String,
    #[prop(into)] parts: Signal<Vec<BarPart>>,
    /// Where the bar's frame ends: (size, text); the sum of the parts if `None`.
    #[prop(into)]
    capacity: Signal<Option<(f64, String)>>,
) -> impl IntoView {
    let whole = Signal::derive(move || {
        let sum: f64 = parts.with(|parts| parts.iter().map(|part| part.value).sum());
        capacity
            .with(|capacity| capacity.as_ref().map_or(sum, |(capacity, _)| sum.max(*capacity)))
            .max(f64::MIN_POSITIVE)
    });
    let segments = move || {
        let whole = whole.get();
        let mut left = 0.0;
        parts.with(|parts| {
            parts
                .iter()
                .enumerate()
                .map(|(index, part)| {
                    let x = left;
                    let width = part.value / whole * 600.0;
                    left += width;
                    view! { <rect x=format!("{x:.2}") y="4" width=format!("{width:.2}") height="26" fill=colour(index)></rect> }
                })
                .collect_view()
        })
    };
    let limit = move || {
        capacity.with(|capacity| {
            capacity.as_ref().map(|(size, _)| {
                let x = (size / whole.get() * 600.0).min(599.0);
                view! { <path class="capacity" d=format!("M{x:.1} 0V34")></path> }
            })
        })
    };
    // Outside the drawing, whose width follows the window: text in it would shrink on a phone.
    let limit_words = move || {
        capacity.with(|capacity| {
            capacity
                .as_ref()
                .map(|(_, text)| view! { <p class="bar-limit small muted numbers">{text.clone()}</p> })
        })
    };
    let entries = move || {
        parts.with(|parts| {
            let shown: f64 = parts.iter().map(|part| part.value).sum::<f64>().max(f64::MIN_POSITIVE);
            parts
                .iter()
                .enumerate()
                .map(|(index, part)| {
                    view! {
                        <tr>
                            <th scope="row"><span class="swatch" aria-hidden="true" style:background-color=colour(index)></span>{part.label.clone()}</th>
                            <td class="numbers">{part.text.clone()}</td>
                            <td class="numbers muted">{planner::format::percent(part.value / shown)}</td>
                        </tr>
                    }
                })
                .collect_view()
        })
    };
    view! {
        <figure class="bar">
            <figcaption class="chart-title">{title.clone()}</figcaption>
            <svg viewBox="0 0 600 34" preserveAspectRatio="none" role="img" aria-label=format!("{title}; the table below holds the values")>
                <rect class="bar-frame" x="0" y="4" width="600" height="26"></rect>
                {segments}
                {limit}
            </svg>
            {limit_words}
            <table class="bar-table"><tbody>{entries}</tbody></table>
        </figure>
    }
}

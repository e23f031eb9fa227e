//! Form fields: a label above, unit and help beside, errors that lose nothing.

use leptos::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};

fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A number in a range. Text that is no such number stays in the field with a message, and changes nothing.
#[component]
pub fn NumberField(
    #[prop(into)] label: String,
    #[prop(into)] value: Signal<f64>,
    on_change: Callback<f64>,
    #[prop(into)] range: Signal<(f64, f64)>,
    #[prop(optional, into)] unit: String,
    #[prop(optional, into)] help: String,
    #[prop(optional)] integer: bool,
    #[prop(optional, into)] testid: String,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    let id = unique("number");
    let help_id = format!("{id}-help");
    let error_id = format!("{id}-error");
    // What was typed, and the value that it left behind: while that value stands, the visitor's own spelling stays;
    // a change from elsewhere (undo, a preset) shows the new value.
    let draft = RwSignal::new(None::<(String, f64)>);
    let text = Signal::derive(move || {
        let value = value.get();
        draft.get().filter(|(_, left)| *left == value).map_or_else(|| text_of(value), |(typed, _)| typed)
    });
    let error = Signal::derive(move || check(&text.get(), range.get(), integer));
    let input = move |event| {
        let typed = event_target_value(&event);
        if check(&typed, range.get_untracked(), integer).is_none()
            && let Some(number) = parse(&typed)
        {
            on_change.run(number);
        }
        draft.set(Some((typed, value.get_untracked())));
    };
    let described = {
        let (help_id, error_id) = (help_id.clone(), error_id.clone());
        move || if error.get().is_some() { error_id.clone() } else { help_id.clone() }
    };
    view! {
        <div class="field">
            <label for=id.clone()>{label} {(!unit.is_empty()).then(|| view! { <span class="muted">" (" {unit.clone()} ")"</span> })}</label>
            <input
                id=id
                type="text"
                inputmode="decimal"
                autocomplete="off"
                data-testid=testid
                prop:value=text
                disabled=disabled
                aria-invalid=move || error.get().is_some().then_some("true")
                aria-describedby=described
                on:input=input
            />
            <p id=help_id class="help">{help}</p>
            <p id=error_id class="field-error" role="alert">{move || error.get()}</p>
        </div>
    }
}

/// Shortest text of a number; very large and very small ones in powers of ten.
fn text_of(value: f64) -> String {
    if value != 0.0 && (value.abs() >= 1e7 || value.abs() < 1e-4) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}

fn parse(text: &str) -> Option<f64> {
    let plain: String = text.trim().chars().filter(|letter| *letter != '_' && *letter != ' ').collect();
    plain.parse::<f64>().ok().filter(|number| number.is_finite())
}

fn check(text: &str, (low, high): (f64, f64), integer: bool) -> Option<String> {
    let Some(number) = parse(text) else {
        return Some("Not a number. The last valid value is in use.".into());
    };
    if number < low || number > high {
        return Some(format!(
            "Between {} and {}. The last valid value is in use.",
            text_of(low),
            text_of(high)
        ));
    }
    (integer && number.fract() != 0.0).then(|| "A whole number. The last valid value is in use.".into())
}

/// One of a few choices.
#[component]
pub fn SelectField(
    #[prop(into)] label: String,
    #[prop(into)] value: Signal<String>,
    #[prop(into)] options: Signal<Vec<(String, String)>>,
    on_change: Callback<String>,
    #[prop(optional, into)] help: String,
    #[prop(optional, into)] testid: String,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    let id = unique("select");
    let help_id = format!("{id}-help");
    let choices = move || {
        let chosen = value.get();
        let options = options.get();
        options
            .into_iter()
            .map(|(id, name)| {
                let is_chosen = id == chosen;
                view! { <option value=id prop:selected=is_chosen>{name}</option> }
            })
            .collect_view()
    };
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select
                id=id
                data-testid=testid
                disabled=disabled
                aria-describedby=help_id.clone()
                on:change=move |event| on_change.run(event_target_value(&event))
            >
                {choices}
            </select>
            <p id=help_id class="help">{help}</p>
        </div>
    }
}

/// A line of free text.
#[component]
pub fn TextField(
    #[prop(into)] label: String,
    #[prop(into)] value: Signal<String>,
    on_change: Callback<String>,
    #[prop(optional, into)] help: String,
    #[prop(optional, into)] testid: String,
) -> impl IntoView {
    let id = unique("text");
    let help_id = format!("{id}-help");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                id=id
                type="text"
                maxlength="256"
                autocomplete="off"
                data-testid=testid
                prop:value=value
                aria-describedby=help_id.clone()
                on:input=move |event| on_change.run(event_target_value(&event))
            />
            <p id=help_id class="help">{help}</p>
        </div>
    }
}

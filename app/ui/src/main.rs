//! The leptos page: start, device, train and scenario, over the planner and the compute worker.

#![allow(clippy::needless_pass_by_value, reason = "components and event handlers own what they are given")]
#![allow(clippy::float_cmp, reason = "values are compared with themselves, to see whether they changed")]

mod app;
mod charts;
mod components;
mod files;
mod lab;
mod pages;
mod state;
mod worker;

fn main() {
    std::panic::set_hook(Box::new(|info| app::stopped(&info.to_string())));
    if let Some(message) = leptos::prelude::document().get_element_by_id("boot-message") {
        message.remove();
    }
    leptos::mount::mount_to_body(app::App);
}

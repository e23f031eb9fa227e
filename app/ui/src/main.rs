//! The leptos page.
fn main() {}

//! Compute worker.
fn main() {}

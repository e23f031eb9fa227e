//! The pure core of Ridgepoint: what a system costs and how fast it trains, and the link that holds it.
//!
//! No clock, randomness, input or output, JavaScript or global state. It runs natively and in WASM alike.
//! - [`scenario`], [`experiment`], [`workbench`]: the visitor's truth, plain values.
//! - [`catalog`]: facts with sources and dates.
//! - [`evaluate()`]: scenario to [`prediction::Prediction`].
//! - [`share`]: workbench to link and back, for ever.
//! - [`mod@format`]: the only place where a quantity becomes text.

pub mod accuracy;
pub mod calibration;
pub mod catalog;
mod cost;
pub mod economics;
mod evaluate;
pub mod experiment;
mod facts;
pub mod fleet;
pub mod format;
pub mod models;
pub mod names;
pub mod network;
pub mod own_facts;
pub mod prediction;
pub mod presets;
pub mod reliability;
pub mod residual;
pub mod rows;
mod sanitise;
pub mod scenario;
pub mod search;
pub mod serving;
mod setup;
pub mod shape;
pub mod share;
pub mod storage;
pub mod training;
pub mod units;
pub mod workbench;

pub use evaluate::{EvaluateError, evaluate};
pub use sanitise::{ID_CHARACTERS, NAME_CHARACTERS, plain_text};

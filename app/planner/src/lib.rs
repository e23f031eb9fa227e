//! The pure core.

pub mod experiment;
pub mod prediction;
pub mod scenario;
pub mod units;
pub mod workbench;

//! Fits the parameters and the correction on published rows, and measures the error on rows left out.

pub mod file;
pub mod memory;
pub mod search;
pub mod serving;
pub mod training;

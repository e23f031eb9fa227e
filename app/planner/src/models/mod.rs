//! Models that are not in the catalog.

pub mod config;

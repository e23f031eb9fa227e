//! A small ML compiler: a graph, autodiff, a plan with fixed memory, and backends that run it.
//!
//! `graph` records a computation once with static shapes; `autodiff` turns a graph into a graph; `plan` fixes
//! memory and kernel calls; `backends` run a plan on the GPU or the CPU; `training`, `quantisation` and `probe`
//! are what the workbench does with them. Input that a visitor can reach never panics: it is an [`EngineError`].

pub mod autodiff;
pub mod backends;
pub mod bench;
pub mod checkpoint;
pub mod datasets;
mod error;
pub mod graph;
pub mod models;
pub mod passes;
pub mod plan;
pub mod platform;
pub mod probe;
pub mod profile;
pub mod quantisation;
pub mod random;
pub mod training;

pub use error::EngineError;

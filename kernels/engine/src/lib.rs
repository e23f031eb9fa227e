//! A small ML compiler: graph, autodiff, plan, backends.

pub mod datasets;

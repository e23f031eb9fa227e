//! What communication costs: links, topologies, collectives, and the parameters fitted on published measurements.
//!
//! ```text
//! time = max(floor of a call, base + hops x hop + volume / (link x share) x (1 + (half / grain)^curve))
//! ```
//! [`Link`] is a catalog fact, [`Topology`] says what of it a job can use, [`predict`] prices a [`Call`] on a [`Fabric`]
//! with every algorithm that fits and says which one is taken. [`fit`] finds the [`Parameters`] on carried rows.
//!
//! Left out on purpose: interference of jobs that share a network, and kernels that overlap with arithmetic (the
//! step models own that).

mod algorithms;
mod error;
mod fabric;
mod fitting;
mod links;
mod parameters;
mod predict;
mod rows;
mod tier;
mod topology;

pub use algorithms::{Algorithm, Collective, Pattern};
pub use error::NetworkError;
pub use fabric::{Answer, Binding, Call, Fabric, Level};
pub use fitting::{Accuracy, Left, accuracy, cross_validate, fit, numbers, spread};
pub use links::{Link, Place, link, links};
pub use parameters::{NetworkModel, Parameters, Range, Spread};
pub use predict::predict;
pub use rows::{Measurement, carried, measurements};
pub use topology::{Topology, Traffic};

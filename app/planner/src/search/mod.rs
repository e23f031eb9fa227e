//! Given a model and a fleet, the layouts that are worth choosing.
//!
//! Enumerate every split and choice, predict memory and drop what does not fit, predict time, and keep the
//! [`Front`] over time, cost, energy and memory. [`explain`] says in words why the best beats the runner-up.

mod explain;
mod front;
pub mod grid;
mod plan;
mod report;
mod run;
mod space;

pub use explain::{explain, short};
pub use front::Front;
pub use plan::{Plan, PlanOptions, PlannedFleet, plan};
pub use report::{CandidateReport, FleetReport, PartReport, PlanReport};
pub use run::{Candidate, Found, Goal, Priced, Search, Searched};
pub use space::{Choice, Split, layout};

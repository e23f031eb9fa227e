//! Money and energy of a deployment over years: a bill whose named lines add up to its total, to the cent.
//!
//! ```text
//! rented   = price x billed hours, by purchase: used hours, whole terms, or used hours x what interruptions cost
//! owned    = servers + switches - resale + support + space + electricity + staff + line, used or idle
//! hybrid   = both, and the data that has to cross between them
//! energy   = (busy hours x power + idle hours x idle power) x power usage effectiveness + storage + network
//! carbon   = energy x carbon of the region's grid
//! ```
//! Every price, share and factor is a fact of `catalog/economics.toml`, read through [`Overrides`].
//! Left out on purpose: interest, taxes, currency, price changes within the bill's years, negotiated discounts, the
//! carbon of making hardware, and time-of-day tariffs.

mod age;
mod bill;
mod break_even;
mod cloud;
mod error;
mod facts;
mod input;
mod overrides;
mod owned;
mod placement;
mod sensitivity;
mod spot;

pub use age::{PriceAge, STALE_AFTER_DAYS, StalePrice, price_age_days, stale_prices};
pub use bill::{Bill, EnergyPart, Line, Money, bill};
pub use break_even::{BreakEven, Crossing, Side, break_even_time, break_even_utilisation};
pub use error::EconomicsError;
pub use facts::{ECONOMIC_FACTS, EconomicFact, UsedFact, fact, facts_under};
pub use input::{Cloud, Deployment, Economics, Hybrid, Owned, Purchase, Room, Term, Work, WriteOff};
pub use overrides::{MAX_OVERRIDES, MAX_OVERRIDES_CHARACTERS, Overrides};
pub use placement::{Placement, cheapest_placement};
pub use sensitivity::{Bar, tornado};
pub use spot::{SpotOutcome, best_checkpoint_interval_hours, spot_outcome};

//! Where the hours and the data of a hybrid belong.
//!
//! Data has gravity: hours that run away from their data pay for every byte that no copy serves. The cheapest pair of
//! shares is looked for on a grid, since prices by tiers and whole servers leave no slope to follow.

use super::bill::{Money, bill};
use super::error::EconomicsError;
use super::input::{Deployment, Economics, Hybrid};
use super::overrides::Overrides;

/// Steps of each share: a twentieth.
const STEPS: u8 = 20;

/// A pair of shares and its total.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// Share of the useful hours in the cloud.
    pub cloud_hours_share: f64,
    /// Share of the data in the cloud.
    pub cloud_data_share: f64,
    /// What the hybrid then costs.
    pub total: Money,
}

/// The cheapest shares of a hybrid, to a twentieth, with everything else fixed; of equal ones the least in the cloud.
/// Shares that the own machines or the line cannot serve are left out.
///
/// # Errors
/// No pair of shares has a bill; the reason is that of the hybrid's own shares, or of all hours in the cloud.
pub fn cheapest_placement(
    economics: &Economics,
    hybrid: &Hybrid,
    overrides: &Overrides,
) -> Result<Placement, EconomicsError> {
    let priced = |cloud_hours_share: f64, cloud_data_share: f64| {
        let place = Hybrid { cloud_hours_share, cloud_data_share, ..hybrid.clone() };
        let total = bill(economics, &Deployment::Hybrid(place), overrides)?.total();
        Ok::<_, EconomicsError>(Placement { cloud_hours_share, cloud_data_share, total })
    };
    let share = |step: u8| f64::from(step) / f64::from(STEPS);
    let mut best = priced(hybrid.cloud_hours_share, hybrid.cloud_data_share).or_else(|_| priced(1.0, 1.0));
    for hours in 0..=STEPS {
        for data in 0..=STEPS {
            let Ok(found) = priced(share(hours), share(data)) else { continue };
            if best.as_ref().map_or(true, |best| found.total < best.total) {
                best = Ok(found);
            }
        }
    }
    best
}

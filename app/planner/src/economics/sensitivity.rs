//! Which assumption matters: every fact of a bill that has a range, at its low and at its high, all else fixed.

use super::bill::{Money, bill};
use super::error::EconomicsError;
use super::facts::EconomicFact;
use super::input::{Deployment, Economics};
use super::overrides::Overrides;

/// One bar of the tornado chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// The assumption.
    pub fact: &'static EconomicFact,
    /// Its value in the bill.
    pub value: f64,
    /// Its low.
    pub low: f64,
    /// Its high.
    pub high: f64,
    /// The total at the low; None: there is no bill then.
    pub at_low: Option<Money>,
    /// The total at the high; None: there is no bill then.
    pub at_high: Option<Money>,
    /// Greatest less smallest of the totals at the low, at the value and at the high, USD; infinite where there is no
    /// bill.
    pub swing_usd: f64,
}

/// The bars of every assumption that the bill reads, the greatest swing first and then by key.
///
/// # Errors
/// The deployment has no bill as it stands.
pub fn tornado(
    economics: &Economics,
    deployment: &Deployment,
    overrides: &Overrides,
) -> Result<Vec<Bar>, EconomicsError> {
    let base = bill(economics, deployment, overrides)?;
    let total_at = |key: &str, value: f64| {
        let mut changed = overrides.clone();
        changed.set(key, value).ok()?;
        bill(economics, deployment, &changed).ok().map(|bill| bill.total())
    };
    let total = base.total();
    let mut bars: Vec<Bar> = base
        .facts
        .iter()
        .filter_map(|used| {
            let (low, high) = used.fact.range?;
            let (at_low, at_high) = (total_at(used.fact.key, low), total_at(used.fact.key, high));
            let swing_usd = at_low.zip(at_high).map_or(f64::INFINITY, |(left, right)| {
                let (left, right, middle) = (left.cents(), right.cents(), total.cents());
                (left.max(right).max(middle) - left.min(right).min(middle)) / 100.0
            });
            Some(Bar { fact: used.fact, value: used.value, low, high, at_low, at_high, swing_usd })
        })
        .collect();
    bars.sort_by(|one, other| {
        other.swing_usd.total_cmp(&one.swing_usd).then_with(|| one.fact.key.cmp(other.fact.key))
    });
    Ok(bars)
}

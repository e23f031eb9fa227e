//! Where one deployment becomes cheaper than another: over the years, and over the hours used.
//!
//! Bills step (a server more, a term more) and bend (resale, tiers), so there is no formula: the difference is looked
//! at on a grid, and every change of sign is narrowed by bisection. A step that jumps over zero is a crossing too.

use super::bill::bill;
use super::error::EconomicsError;
use super::input::{Deployment, Economics, within};
use super::overrides::Overrides;

/// Points of the grid; two crossings between neighbours are missed.
const POINTS: u16 = 240;
/// Halvings of an interval: 2^-50 of it is below any figure that is shown.
const HALVINGS: u8 = 50;
/// Half a cent: less is no difference.
const EQUAL_USD: f64 = 0.005;

/// Which of two deployments is cheaper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first.
    First,
    /// The second.
    Second,
    /// Neither.
    Equal,
}

/// A point where the cheaper side changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// Years, or utilisation from 0 to 1.
    pub at: f64,
    /// The cheaper side from there on.
    pub cheaper_after: Side,
}

/// Comparison of two deployments over a range.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakEven {
    /// The cheaper side at the start of the range.
    pub cheaper_at_start: Side,
    /// Start and end of the range, years or utilisation; it ends early where a deployment can do no more.
    pub range: (f64, f64),
    /// Changes of side, in order; empty: there is no break-even in the range.
    pub crossings: Vec<Crossing>,
    /// The answer as a sentence.
    pub sentence: String,
}

/// Break-even over time: from one month to `most_years`, with everything else fixed.
///
/// # Errors
/// `most_years` is outside 0.1 to 50, or a deployment has no bill at the start of the range.
pub fn break_even_time(
    economics: &Economics,
    first: &Deployment,
    second: &Deployment,
    overrides: &Overrides,
    most_years: f64,
) -> Result<BreakEven, EconomicsError> {
    within("most_years", most_years, 0.1, 50.0)?;
    let difference = |years: f64| {
        let work = Economics { years, ..*economics };
        Ok(bill(&work, first, overrides)?.exact() - bill(&work, second, overrides)?.exact())
    };
    let found = cross((1.0 / 12.0, most_years), &difference)?;
    Ok(described(found, |at| format!("{at:.2} years")))
}

/// Break-even over the utilisation of the accelerators, 0 to 1, with everything else fixed.
///
/// # Errors
/// A deployment has no bill at no utilisation.
pub fn break_even_utilisation(
    economics: &Economics,
    first: &Deployment,
    second: &Deployment,
    overrides: &Overrides,
) -> Result<BreakEven, EconomicsError> {
    let difference = |utilisation: f64| {
        let work = economics.with_utilisation(utilisation);
        Ok(bill(&work, first, overrides)?.exact() - bill(&work, second, overrides)?.exact())
    };
    let found = cross((0.0, 1.0), &difference)?;
    Ok(described(found, |at| format!("{:.1} % utilisation", at * 100.0)))
}

fn side(difference: f64) -> Side {
    if difference.abs() < EQUAL_USD {
        Side::Equal
    } else if difference < 0.0 {
        Side::First
    } else {
        Side::Second
    }
}

/// Changes of side of `difference` (first less second, USD) over a range.
fn cross(
    range: (f64, f64),
    difference: &dyn Fn(f64) -> Result<f64, EconomicsError>,
) -> Result<BreakEven, EconomicsError> {
    let (start, end) = range;
    let mut left = start;
    let mut current = side(difference(start)?);
    let mut found =
        BreakEven { cheaper_at_start: current, range, crossings: Vec::new(), sentence: String::new() };
    for point in 1..=POINTS {
        let right = start + (end - start) * f64::from(point) / f64::from(POINTS);
        // Where a bill ends to exist (the own machines are full), the range ends.
        let Ok(value) = difference(right) else { break };
        let next = side(value);
        if next != current {
            let at = narrow(left, right, current, difference)?;
            found.crossings.push(Crossing { at, cheaper_after: next });
            current = next;
        }
        left = right;
    }
    found.range.1 = left;
    merge(&mut found, (end - start) / f64::from(POINTS));
    Ok(found)
}

/// A smooth change of side passes through equality: within one step of the grid that is one crossing, or a touch.
fn merge(found: &mut BreakEven, step: f64) {
    let mut kept: Vec<Crossing> = Vec::new();
    let mut before = found.cheaper_at_start;
    for crossing in found.crossings.drain(..) {
        match kept.last_mut() {
            Some(last) if last.cheaper_after == Side::Equal && crossing.at - last.at < step => {
                last.cheaper_after = crossing.cheaper_after;
                if last.cheaper_after == before {
                    kept.pop();
                }
            }
            _ => {
                before = kept.last().map_or(found.cheaper_at_start, |last| last.cheaper_after);
                kept.push(crossing);
            }
        }
    }
    found.crossings = kept;
}

/// The first point of the interval whose side is no longer `current`.
fn narrow(
    mut left: f64,
    mut right: f64,
    current: Side,
    difference: &dyn Fn(f64) -> Result<f64, EconomicsError>,
) -> Result<f64, EconomicsError> {
    for _ in 0..HALVINGS {
        let middle = left + (right - left) / 2.0;
        if side(difference(middle)?) == current {
            left = middle;
        } else {
            right = middle;
        }
    }
    Ok(right)
}

fn described(mut found: BreakEven, show: impl Fn(f64) -> String) -> BreakEven {
    let name = |side| match side {
        Side::First => "the first deployment is cheaper",
        Side::Second => "the second deployment is cheaper",
        Side::Equal => "both cost the same",
    };
    let (start, end) = found.range;
    found.sentence = if found.crossings.is_empty() {
        let all = name(found.cheaper_at_start);
        format!("There is no break-even between {} and {}: {all} throughout.", show(start), show(end))
    } else {
        let changes: Vec<_> = found
            .crossings
            .iter()
            .map(|crossing| format!("from {} on {}", show(crossing.at), name(crossing.cheaper_after)))
            .collect();
        format!("At {} {}; {}.", show(start), name(found.cheaper_at_start), changes.join("; "))
    };
    found
}

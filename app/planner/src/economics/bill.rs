//! The bill: named lines, energy and carbon, and the facts behind them.

use super::cloud::{self, CloudUse};
use super::error::EconomicsError;
use super::facts::{Reader, UsedFact};
use super::input::{Cloud, Deployment, Economics, Hybrid, Owned, Purchase};
use super::overrides::Overrides;
use super::owned::{self, OwnedUse};
use crate::units::{HOURS_PER_YEAR, Usd, UsdPerHour};

/// Months of a year, as prices by the month count them.
pub(super) const MONTHS_PER_YEAR: f64 = 12.0;

/// An amount in whole cents, so that sums are exact (up to 90 trillion USD).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Money {
    cents: f64,
}

impl Money {
    /// Rounded to the cent, halves away from zero.
    #[must_use]
    pub fn rounded(amount: Usd) -> Self {
        Self { cents: (amount.0 * 100.0).round() + 0.0 }
    }

    /// Whole cents.
    #[must_use]
    pub fn cents(self) -> f64 {
        self.cents
    }

    /// In USD.
    #[must_use]
    pub fn usd(self) -> Usd {
        Usd(self.cents / 100.0)
    }
}

/// One line of a bill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Stable name.
    pub id: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// What is charged; a refund is negative.
    pub amount: Money,
}

/// Energy of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnergyPart {
    /// Name for people.
    pub name: &'static str,
    /// Energy with what cooling and distribution add, kWh.
    pub kilowatt_hours: f64,
    /// Carbon of the region's grid, kg of CO2 equivalent.
    pub kilograms_co2e: f64,
}

/// What a deployment costs over the years of the work.
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    /// The lines; they add up to [`Self::total`] exactly.
    pub lines: Vec<Line>,
    /// Energy by kind.
    pub energy: Vec<EnergyPart>,
    /// Useful accelerator-hours over the years.
    pub useful_accelerator_hours: f64,
    /// Rent of one useful accelerator-hour, with lost, idle and committed hours; None where nothing is rented.
    pub rent_per_useful_hour: Option<UsdPerHour>,
    /// Useful hours of the own accelerators per hour that they stand there; None where nothing is owned.
    pub owned_utilisation: Option<f64>,
    /// Every fact that was read.
    pub facts: Vec<UsedFact>,
    /// What the reader of the bill should know.
    pub notes: Vec<String>,
    /// The sum before rounding to cents, for comparisons.
    exact: Usd,
}

impl Bill {
    /// The sum of the lines, each of which is rounded to the cent first.
    #[must_use]
    pub fn total(&self) -> Money {
        Money { cents: self.lines.iter().map(|line| line.amount.cents).sum::<f64>() + 0.0 }
    }

    /// The line of this id; zero where the bill has none.
    #[must_use]
    pub fn line(&self, id: &str) -> Money {
        self.lines.iter().find(|line| line.id == id).map_or(Money::default(), |line| line.amount)
    }

    /// All energy, kWh.
    #[must_use]
    pub fn kilowatt_hours(&self) -> f64 {
        self.energy.iter().map(|part| part.kilowatt_hours).sum()
    }

    /// All carbon, kg of CO2 equivalent.
    #[must_use]
    pub fn kilograms_co2e(&self) -> f64 {
        self.energy.iter().map(|part| part.kilograms_co2e).sum()
    }

    /// The total for one useful accelerator-hour; None without useful hours.
    #[must_use]
    pub fn per_useful_hour(&self) -> Option<UsdPerHour> {
        (self.useful_accelerator_hours > 0.0)
            .then(|| UsdPerHour(self.total().usd().0 / self.useful_accelerator_hours))
    }

    /// The total for one of so many units of output (tokens in millions, runs); None without any.
    #[must_use]
    pub fn per_unit(&self, units: f64) -> Option<Usd> {
        (units > 0.0 && units.is_finite()).then(|| self.total().usd() / units)
    }

    pub(super) fn exact(&self) -> f64 {
        self.exact.0
    }
}

/// Lines and energy while they are collected, unrounded.
#[derive(Default)]
pub(super) struct Sheet {
    lines: Vec<(&'static str, &'static str, f64)>,
    energy: Vec<EnergyPart>,
}

impl Sheet {
    /// Adds a line; nothing for nothing.
    pub(super) fn charge(&mut self, id: &'static str, name: &'static str, usd: f64) {
        if usd != 0.0 {
            self.lines.push((id, name, usd));
        }
    }

    /// Adds energy in kWh in a grid of so many grams of CO2 equivalent per kWh.
    pub(super) fn draw(&mut self, name: &'static str, kilowatt_hours: f64, grams_per_kilowatt_hour: f64) {
        if kilowatt_hours != 0.0 {
            let kilograms_co2e = kilowatt_hours * grams_per_kilowatt_hour / 1_000.0;
            self.energy.push(EnergyPart { name, kilowatt_hours, kilograms_co2e });
        }
    }

    /// Sum of the lines so far, unrounded, USD.
    pub(super) fn sum(&self) -> f64 {
        self.lines.iter().map(|line| line.2).sum()
    }
}

/// The bill of a deployment.
///
/// # Errors
/// A number is outside its range, a fact is missing, the work never finishes on spot capacity, or the line or the own
/// accelerators are too small.
pub fn bill(
    economics: &Economics,
    deployment: &Deployment,
    overrides: &Overrides,
) -> Result<Bill, EconomicsError> {
    economics.check()?;
    deployment.check()?;
    let mut reader = Reader::new(overrides);
    let plan = planned(economics, &mut reader)?;
    let mut sheet = Sheet::default();
    let (rented, utilisation) = match deployment {
        Deployment::Cloud(cloud, purchase) => {
            (Some(rented_only(&plan, cloud, *purchase, &mut reader, &mut sheet)?), None)
        }
        Deployment::OnPremises(place) => (None, Some(owned_only(&plan, place, &mut reader, &mut sheet)?)),
        Deployment::Hybrid(hybrid) => both(&plan, hybrid, &mut reader, &mut sheet)?,
    };
    let exact = Usd(sheet.sum());
    let lines =
        sheet.lines.iter().map(|&(id, name, usd)| Line { id, name, amount: Money::rounded(Usd(usd)) });
    Ok(Bill {
        lines: lines.collect(),
        energy: sheet.energy,
        useful_accelerator_hours: f64::from(plan.accelerators) * plan.hours_per_year * plan.years,
        rent_per_useful_hour: rented.flatten(),
        owned_utilisation: utilisation,
        facts: reader.used,
        notes: reader.notes,
        exact,
    })
}

/// The work as it turns out against the plan; the year's hours bound the useful ones.
fn planned(economics: &Economics, reader: &mut Reader<'_>) -> Result<Economics, EconomicsError> {
    let mut plan = *economics;
    plan.hours_per_year = (plan.hours_per_year * reader.get("plan.hours")?).min(HOURS_PER_YEAR);
    plan.accelerator_watts *= reader.get("plan.power")?;
    let data = reader.get("plan.data")?;
    for field in [
        &mut plan.stored_gigabytes,
        &mut plan.read_gigabytes_per_year,
        &mut plan.moved_out_gigabytes_per_year,
        &mut plan.write_requests_per_year,
        &mut plan.read_requests_per_year,
    ] {
        *field *= data;
    }
    Ok(plan)
}

fn rented_only(
    plan: &Economics,
    cloud: &Cloud,
    purchase: Purchase,
    reader: &mut Reader<'_>,
    sheet: &mut Sheet,
) -> Result<Option<UsdPerHour>, EconomicsError> {
    let accelerators = f64::from(plan.accelerators);
    let usage = CloudUse {
        accelerators,
        useful_hours_per_year: accelerators * plan.hours_per_year,
        stored_gigabytes: plan.stored_gigabytes,
        retrieved_gigabytes_per_year: plan.read_gigabytes_per_year,
        internet_gigabytes_per_year: plan.moved_out_gigabytes_per_year,
        write_requests_per_year: plan.write_requests_per_year,
        read_requests_per_year: plan.read_requests_per_year,
    };
    cloud::charge(plan, cloud, purchase, &usage, reader, sheet)
}

fn owned_only(
    plan: &Economics,
    place: &Owned,
    reader: &mut Reader<'_>,
    sheet: &mut Sheet,
) -> Result<f64, EconomicsError> {
    let accelerators = f64::from(plan.accelerators);
    let usage = OwnedUse {
        accelerators,
        useful_hours_per_year: accelerators * plan.hours_per_year,
        stored_gigabytes: plan.stored_gigabytes,
        line_gigabytes_per_year: plan.moved_out_gigabytes_per_year,
    };
    owned::charge(plan, place, &usage, reader, sheet)
}

/// Hours and data by their shares; what is read on the other side crosses the line, less what a copy serves.
fn both(
    plan: &Economics,
    hybrid: &Hybrid,
    reader: &mut Reader<'_>,
    sheet: &mut Sheet,
) -> Result<(Option<Option<UsdPerHour>>, Option<f64>), EconomicsError> {
    let (hours, data) = (hybrid.cloud_hours_share, hybrid.cloud_data_share);
    let accelerators = f64::from(plan.accelerators);
    let useful = accelerators * plan.hours_per_year;
    let hours_each = useful * (1.0 - hours) / f64::from(hybrid.owned_accelerators);
    if hours_each > HOURS_PER_YEAR {
        return Err(EconomicsError::TooFewOwned { hours_each, accelerators: hybrid.owned_accelerators });
    }
    let missed = plan.read_gigabytes_per_year * reader.get("gravity.miss-share")?;
    let into_cloud = missed * hours * (1.0 - data);
    let out_of_cloud = missed * (1.0 - hours) * data;
    let users_from_cloud = plan.moved_out_gigabytes_per_year * hours;
    let users_from_own = plan.moved_out_gigabytes_per_year * (1.0 - hours);
    let private_out = if hybrid.private_line { out_of_cloud } else { 0.0 };
    let cloud_use = CloudUse {
        accelerators: (accelerators * hours).ceil(),
        useful_hours_per_year: useful * hours,
        stored_gigabytes: plan.stored_gigabytes * data,
        retrieved_gigabytes_per_year: plan.read_gigabytes_per_year * hours * data + out_of_cloud,
        internet_gigabytes_per_year: users_from_cloud + out_of_cloud - private_out,
        write_requests_per_year: plan.write_requests_per_year * data,
        read_requests_per_year: plan.read_requests_per_year * data,
    };
    let owned_use = OwnedUse {
        accelerators: f64::from(hybrid.owned_accelerators),
        useful_hours_per_year: useful * (1.0 - hours),
        stored_gigabytes: plan.stored_gigabytes * (1.0 - data),
        line_gigabytes_per_year: users_from_own + into_cloud + out_of_cloud,
    };
    let utilisation = owned::charge(plan, &hybrid.owned, &owned_use, reader, sheet)?;
    if hybrid.private_line {
        let port = reader.get("private-line.port")? * hybrid.owned.line_gigabits_per_second;
        sheet.charge("hybrid.port", "Private line to the cloud", port * MONTHS_PER_YEAR * plan.years);
        let price = reader.get("private-line.egress")?;
        sheet.charge("hybrid.egress", "Data out over the private line", private_out * price * plan.years);
    }
    let rent = cloud::charge(plan, &hybrid.cloud, hybrid.purchase, &cloud_use, reader, sheet)?;
    Ok((Some(rent), Some(utilisation)))
}

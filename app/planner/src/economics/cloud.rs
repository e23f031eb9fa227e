//! What a rented place costs.

use super::bill::{MONTHS_PER_YEAR, Sheet};
use super::error::EconomicsError;
use super::facts::Reader;
use super::input::{Cloud, Economics, Purchase, Term};
use super::spot::spot_outcome;
use crate::units::{HOURS_PER_YEAR, UsdPerHour};

/// What is asked of the rented place in a year.
pub(super) struct CloudUse {
    pub(super) accelerators: f64,
    pub(super) useful_hours_per_year: f64,
    pub(super) stored_gigabytes: f64,
    pub(super) retrieved_gigabytes_per_year: f64,
    pub(super) internet_gigabytes_per_year: f64,
    pub(super) write_requests_per_year: f64,
    pub(super) read_requests_per_year: f64,
}

/// Accelerator-hours over the years of the bill.
struct Hours {
    busy: f64,
    idle: f64,
    price: f64,
}

/// Adds the lines of a rented place; the rent of a useful hour, None without useful hours.
pub(super) fn charge(
    plan: &Economics,
    cloud: &Cloud,
    purchase: Purchase,
    usage: &CloudUse,
    reader: &mut Reader<'_>,
    sheet: &mut Sheet,
) -> Result<Option<UsdPerHour>, EconomicsError> {
    let before = sheet.sum();
    let hours = hours(plan, cloud, purchase, usage, reader)?;
    let rent = (hours.busy + hours.idle) * hours.price;
    sheet.charge("cloud.accelerators", "Rented accelerators", rent);
    data(plan, cloud, usage, reader, sheet)?;
    let support = reader.get("cloud.support.share")? * (sheet.sum() - before);
    sheet.charge("cloud.support", "Cloud support plan", support);
    let operators = reader.get("staff.cloud")? * usage.accelerators / 100.0;
    let staff = operators * reader.get("staff.salary")? * plan.years;
    sheet.charge("cloud.staff", "Staff for the rented part", staff);
    energy(plan, cloud, usage, &hours, reader, sheet)?;
    let useful = usage.useful_hours_per_year * plan.years;
    Ok((useful > 0.0).then(|| UsdPerHour(rent / useful)))
}

fn hours(
    plan: &Economics,
    cloud: &Cloud,
    purchase: Purchase,
    usage: &CloudUse,
    reader: &mut Reader<'_>,
) -> Result<Hours, EconomicsError> {
    let useful = usage.useful_hours_per_year * plan.years;
    let key = format!("rent.{}.{}", cloud.accelerator, cloud.provider);
    match purchase {
        Purchase::OnDemand => {
            let price = reader.get(&format!("{key}.on-demand"))?;
            let idle = useful * (reader.get("cloud.billed-per-useful")? - 1.0).max(0.0);
            Ok(Hours { busy: useful, idle, price })
        }
        Purchase::Reserved(term) => {
            let (years, discount) = match term {
                Term::OneYear => (1.0, "reserved.1y.discount"),
                Term::ThreeYears => (3.0, "reserved.3y.discount"),
            };
            let price = reader.get(&format!("{key}.on-demand"))? * (1.0 - reader.get(discount)?);
            let committed = usage.accelerators * HOURS_PER_YEAR * years * (plan.years / years).ceil();
            Ok(Hours { busy: useful, idle: (committed - useful).max(0.0), price })
        }
        Purchase::Spot => {
            let price = spot_price(&key, reader)?;
            let factor = if useful > 0.0 { spot_factor(plan, usage, reader)? } else { 1.0 };
            Ok(Hours { busy: useful * factor, idle: 0.0, price })
        }
    }
}

fn spot_price(key: &str, reader: &mut Reader<'_>) -> Result<f64, EconomicsError> {
    if let Some(price) = reader.find(&format!("{key}.spot"))? {
        return Ok(price);
    }
    reader
        .notes
        .push("No spot price is listed for this offer: it is the price on demand less a discount.".into());
    Ok(reader.get(&format!("{key}.on-demand"))? * (1.0 - reader.get("spot.discount")?))
}

fn spot_factor(plan: &Economics, usage: &CloudUse, reader: &mut Reader<'_>) -> Result<f64, EconomicsError> {
    let instances = (usage.accelerators / reader.get("cloud.accelerators-per-instance")?).ceil().max(1.0);
    let rate = reader.get("spot.interruptions")?;
    let outcome = spot_outcome(plan.work, instances, rate, reader.get("spot.restart-hours")?)?;
    let factor = outcome.billed_per_useful_hour;
    if usage.useful_hours_per_year * factor > usage.accelerators * HOURS_PER_YEAR {
        reader.notes.push(
            "With interruptions the work takes longer than a year has hours: rent more accelerators or plan fewer \
             useful hours."
                .into(),
        );
    }
    Ok(factor)
}

fn data(
    plan: &Economics,
    cloud: &Cloud,
    usage: &CloudUse,
    reader: &mut Reader<'_>,
    sheet: &mut Sheet,
) -> Result<(), EconomicsError> {
    let months = MONTHS_PER_YEAR * plan.years;
    let store = format!("storage.{}", cloud.store);
    let stored = reader.tiered(&store, usage.stored_gigabytes)?;
    sheet.charge("cloud.storage", "Cloud storage", stored * months);
    let writes = reader.get(&format!("{store}.write"))? * usage.write_requests_per_year / 1_000.0;
    sheet.charge("cloud.writes", "Write requests", writes * plan.years);
    let reads = reader.get(&format!("{store}.read"))? * usage.read_requests_per_year / 1_000.0;
    sheet.charge("cloud.reads", "Read requests", reads * plan.years);
    let retrieval = reader.get(&format!("{store}.retrieval"))? * usage.retrieved_gigabytes_per_year;
    sheet.charge("cloud.retrieval", "Retrieval from storage", retrieval * plan.years);
    let monthly = usage.internet_gigabytes_per_year / MONTHS_PER_YEAR;
    let egress = reader.tiered(&format!("egress.{}", cloud.provider), monthly)?;
    sheet.charge("cloud.egress", "Data out to the internet", egress * months);
    Ok(())
}

fn energy(
    plan: &Economics,
    cloud: &Cloud,
    usage: &CloudUse,
    hours: &Hours,
    reader: &mut Reader<'_>,
    sheet: &mut Sheet,
) -> Result<(), EconomicsError> {
    let effectiveness = reader.get(&format!("pue.{}", cloud.provider))?;
    let grid = reader.get(&format!("carbon.{}", cloud.region))?;
    let kilowatts = plan.accelerator_watts * reader.get("host.power-factor")? / 1_000.0;
    let idle = if hours.idle > 0.0 { hours.idle * reader.get("idle.power-share")? } else { 0.0 };
    let loaded = hours.busy + idle;
    sheet.draw("Rented accelerators", loaded * kilowatts * effectiveness, grid);
    // Wh per TB and hour: GB / 1,000 gives TB, and Wh / 1,000 gives kWh.
    let stored = usage.stored_gigabytes * reader.get("energy.ssd")? * HOURS_PER_YEAR * plan.years / 1e6;
    sheet.draw("Cloud storage", stored * effectiveness, grid);
    let moved = usage.internet_gigabytes_per_year * reader.get("energy.network")? * plan.years;
    sheet.draw("Data out to the internet", moved, grid);
    Ok(())
}

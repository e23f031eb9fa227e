//! Energy and cost of a run.
//!
//! ```text
//! power  = accelerator power x (static + compute x busy + memory x busy + network x busy) x host factor
//! energy = power x accelerators x time x power usage effectiveness
//! rent   = price x accelerator-hours
//! owned  = purchase price x server factor / (years x 8,766 h) x accelerator-hours + electricity
//! ```
//! Left out on purpose: staff, space, storage, egress, discounts, idle time of owned machines.

use crate::catalog::{ASSUMPTIONS, Accelerator, Catalog, CatalogError, Site};
use crate::facts::Desk;
use crate::prediction::{CostPart, FactUnit, Provenance, Resource};
use crate::scenario::{Deployment, Scenario};
use crate::training::Step;
use crate::units::{HOURS_PER_YEAR, Joules, Seconds, Usd, UsdPerHour, UsdPerKilowattHour, Watts};

/// Energy and cost with what entered them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budget {
    pub(crate) energy: Joules,
    pub(crate) cost_parts: Vec<CostPart>,
    /// Carbon at the average grid, grams of CO2 equivalent.
    pub(crate) grams_co2e: f64,
}

/// What runs: a catalog accelerator, or the visitor's own machine.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Runner {
    Catalog(&'static Accelerator),
    ThisDevice,
}

/// Energy and cost of a run of this time; facts and notes go to the desk.
pub(crate) fn budget(
    scenario: &Scenario,
    catalog: &Catalog,
    runner: Runner,
    step: &Step,
    time: Seconds,
    desk: &mut Desk,
) -> Result<Budget, CatalogError> {
    let mut budget = Budget::default();
    let count = f64::from(scenario.accelerator_count);
    let rented_share = match (runner, scenario.deployment) {
        (Runner::ThisDevice, _) | (_, Deployment::OnPremises) => 0.0,
        (_, Deployment::Cloud) => 1.0,
        (_, Deployment::Hybrid) => scenario.cloud_fraction,
    };
    let power = power_per_accelerator(runner, step, desk)?;
    let machine_energy = power * count * time;
    let usage = effectiveness(catalog, runner, rented_share, &mut budget, desk)?;
    budget.energy = machine_energy * usage;
    if rented_share > 0.0 {
        rent(scenario, catalog, runner, rented_share, time, (&mut budget, desk))?;
    }
    if rented_share < 1.0 {
        owned(scenario, runner, 1.0 - rented_share, time, (&mut budget, desk))?;
    }
    Ok(budget)
}

fn power_per_accelerator(runner: Runner, step: &Step, desk: &mut Desk) -> Result<Watts, CatalogError> {
    let accelerator = match runner {
        Runner::ThisDevice => {
            let power = ASSUMPTIONS.this_device_power_watts;
            return Ok(Watts(desk.assumed("power", "Power of this device", FactUnit::Watts, power)));
        }
        Runner::Catalog(accelerator) => accelerator,
    };
    let rated = match (accelerator.thermal_design_power(), accelerator.assumed_power()) {
        (Ok(rated), _) => {
            let label = format!("Thermal design power of {}", accelerator.name);
            desk.catalog("power", label, FactUnit::Watts, rated.value.0, &rated)
        }
        (Err(_), Some(assumed)) => {
            desk.notes.push(format!(
                "No power is published for {}: energy rests on an assumption.",
                accelerator.name
            ));
            let label = format!("Power of {} ({})", accelerator.name, assumed.source);
            desk.take("power", label, FactUnit::Watts, assumed.value.0, Provenance::Assumption)
        }
        (Err(error), None) => return Err(error),
    };
    let host = ASSUMPTIONS.host_power_factor;
    let host = desk.assumed("host-power", "Server power per accelerator power", FactUnit::Ratio, host);
    Ok(Watts(rated) * (load(step) * host))
}

/// Share of the rated power that the step draws on average.
pub(crate) fn load(step: &Step) -> f64 {
    let compute = step.share_of(Resource::Compute);
    let memory = compute + step.share_of(Resource::Memory);
    let network = step.share_of(Resource::IntraNodeNetwork) + step.share_of(Resource::InterNodeNetwork);
    let facts = &ASSUMPTIONS;
    facts.power_static_share.value
        + facts.power_compute_share.value * compute
        + facts.power_memory_share.value * memory
        + facts.power_network_share.value * network
}

fn effectiveness(
    catalog: &Catalog,
    runner: Runner,
    rented_share: f64,
    budget: &mut Budget,
    desk: &mut Desk,
) -> Result<f64, CatalogError> {
    let mut add = |keys: [&'static str; 2], site: &Site, share: f64| {
        let fact = site.power_usage_effectiveness;
        let label = format!("Power usage effectiveness: {}", site.name);
        let usage = desk.catalog(keys[0], label, FactUnit::Ratio, fact.value, &fact);
        let fact = site.grid_grams_co2e_per_kilowatt_hour;
        let label = format!("Carbon of the grid, grams of CO2 equivalent per kWh: {}", site.name);
        budget.grams_co2e += share * desk.catalog(keys[1], label, FactUnit::Count, fact.value, &fact);
        share * usage
    };
    let mut usage = 0.0;
    if rented_share > 0.0 {
        usage += add(["cloud-pue", "cloud-carbon"], catalog.site("cloud")?, rented_share);
    }
    if rented_share < 1.0 {
        let own = if matches!(runner, Runner::ThisDevice) { "here" } else { "on-premises" };
        usage += add(["own-pue", "own-carbon"], catalog.site(own)?, 1.0 - rented_share);
    }
    Ok(usage)
}

/// What was decided so far, and where facts are taken.
type Books<'a> = (&'a mut Budget, &'a mut Desk);

fn rent(
    scenario: &Scenario,
    catalog: &Catalog,
    runner: Runner,
    share: f64,
    time: Seconds,
    (budget, desk): Books<'_>,
) -> Result<(), CatalogError> {
    let Runner::Catalog(accelerator) = runner else { return Ok(()) };
    let label = format!("Rent of {}", accelerator.name);
    let (price, provenance) = if let Some(own) = scenario.usd_per_accelerator_hour {
        (own, Provenance::Assumption)
    } else {
        let offer = catalog.median_price(accelerator)?;
        price_notes(catalog, accelerator, desk);
        let fact = offer.usd_per_accelerator_hour;
        let provenance =
            Provenance::Catalog { source: fact.source.into(), retrieved_on: fact.retrieved_on.into() };
        (fact.value.0, provenance)
    };
    // The form has a field of its own for it.
    desk.tell(label, FactUnit::UsdPerHour, price, provenance.clone());
    let cost = UsdPerHour(price) * time * (f64::from(scenario.accelerator_count) * share);
    budget.cost_parts.push(CostPart { label: "accelerator rent".into(), cost, provenance });
    Ok(())
}

fn price_notes(catalog: &Catalog, accelerator: &Accelerator, desk: &mut Desk) {
    let prices = catalog.prices_for(accelerator.id);
    if let (Some(low), Some(high)) = (prices.first(), prices.last())
        && prices.len() > 1
    {
        desk.notes.push(format!(
            "Published rents conflict: {} ({}, {}) to {} ({}, {}). The median offer is used; you can enter your own.",
            crate::format::usd_per_hour(low.usd_per_accelerator_hour.value),
            low.provider,
            low.priced_on,
            crate::format::usd_per_hour(high.usd_per_accelerator_hour.value),
            high.provider,
            high.priced_on,
        ));
    }
}

fn owned(
    scenario: &Scenario,
    runner: Runner,
    share: f64,
    time: Seconds,
    (budget, desk): Books<'_>,
) -> Result<(), CatalogError> {
    let price = UsdPerKilowattHour(scenario.usd_per_kilowatt_hour);
    let hours_share = f64::from(scenario.accelerator_count) * share;
    if let Runner::Catalog(accelerator) = runner {
        let (hourly, provenance) = owned_hour(scenario, accelerator, desk)?;
        let cost = hourly * time * hours_share;
        budget.cost_parts.push(CostPart { label: "owned hardware".into(), cost, provenance });
    } else {
        desk.notes.push("This device is yours: only electricity is counted.".into());
    }
    desk.tell("Electricity".into(), FactUnit::UsdPerKilowattHour, price.0, Provenance::Assumption);
    let cost: Usd = price * (budget.energy * share);
    budget.cost_parts.push(CostPart {
        label: "electricity".into(),
        cost,
        provenance: Provenance::Assumption,
    });
    Ok(())
}

/// What an hour of an owned accelerator costs beside electricity.
fn owned_hour(
    scenario: &Scenario,
    accelerator: &Accelerator,
    desk: &mut Desk,
) -> Result<(UsdPerHour, Provenance), CatalogError> {
    // In a hybrid the visitor's price is the rent of the rented share.
    let own_price =
        scenario.usd_per_accelerator_hour.filter(|_| scenario.deployment == Deployment::OnPremises);
    if let Some(own) = own_price {
        return Ok((UsdPerHour(own), Provenance::Assumption));
    }
    let purchase = accelerator.purchase_price()?;
    let label = format!("Purchase price of {}", accelerator.name);
    let paid = desk.catalog("purchase-price", label, FactUnit::Usd, purchase.value.0, &purchase);
    let server = ASSUMPTIONS.server_price_factor;
    let server =
        desk.assumed("server-price", "Server and network per accelerator price", FactUnit::Ratio, server);
    desk.notes.push(
        "Owned hardware is written off as if every hour of its life were used; at half use its share of the cost \
         doubles."
            .into(),
    );
    let provenance =
        Provenance::Catalog { source: purchase.source.into(), retrieved_on: purchase.retrieved_on.into() };
    Ok((UsdPerHour(paid * server / (scenario.amortisation_years * HOURS_PER_YEAR)), provenance))
}

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
use crate::facts::{assumed_fact, catalog_fact};
use crate::prediction::{CostPart, FactUnit, FactUse, Provenance, Resource};
use crate::scenario::{Deployment, Scenario};
use crate::training::Step;
use crate::units::{HOURS_PER_YEAR, Joules, Seconds, Usd, UsdPerHour, UsdPerKilowattHour, Watts};

/// Energy and cost with what entered them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budget {
    pub(crate) energy: Joules,
    pub(crate) cost_parts: Vec<CostPart>,
    pub(crate) facts: Vec<FactUse>,
    pub(crate) notes: Vec<String>,
    /// Carbon at the average grid, grams of CO2 equivalent.
    pub(crate) grams_co2e: f64,
}

/// What runs: a catalog accelerator, or the visitor's own machine.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Runner {
    Catalog(&'static Accelerator),
    ThisDevice,
}

/// Energy and cost of a run of this time.
pub(crate) fn budget(
    scenario: &Scenario,
    catalog: &Catalog,
    runner: Runner,
    step: &Step,
    time: Seconds,
) -> Result<Budget, CatalogError> {
    let mut budget = Budget::default();
    let count = f64::from(scenario.accelerator_count);
    let rented_share = match (runner, scenario.deployment) {
        (Runner::ThisDevice, _) | (_, Deployment::OnPremises) => 0.0,
        (_, Deployment::Cloud) => 1.0,
        (_, Deployment::Hybrid) => scenario.cloud_fraction,
    };
    let power = power_per_accelerator(runner, step, &mut budget)?;
    let machine_energy = power * count * time;
    let usage = effectiveness(catalog, runner, rented_share, &mut budget)?;
    budget.energy = machine_energy * usage;
    if rented_share > 0.0 {
        rent(scenario, catalog, runner, rented_share, time, &mut budget)?;
    }
    if rented_share < 1.0 {
        owned(scenario, runner, 1.0 - rented_share, time, &mut budget)?;
    }
    Ok(budget)
}

fn power_per_accelerator(runner: Runner, step: &Step, budget: &mut Budget) -> Result<Watts, CatalogError> {
    let accelerator = match runner {
        Runner::ThisDevice => {
            let power = ASSUMPTIONS.this_device_power_watts;
            budget.facts.push(assumed_fact("Power of this device", FactUnit::Watts, power));
            return Ok(Watts(power.value));
        }
        Runner::Catalog(accelerator) => accelerator,
    };
    let rated = match (accelerator.thermal_design_power(), accelerator.assumed_power()) {
        (Ok(rated), _) => {
            budget.facts.push(catalog_fact(
                format!("Thermal design power of {}", accelerator.name),
                FactUnit::Watts,
                rated,
                |power| power.0,
            ));
            rated.value
        }
        (Err(_), Some(assumed)) => {
            budget.notes.push(format!(
                "No power is published for {}: energy rests on an assumption.",
                accelerator.name
            ));
            let label = format!("Power of {} ({})", accelerator.name, assumed.source);
            let provenance = Provenance::Assumption;
            budget.facts.push(FactUse { label, value: assumed.value.0, unit: FactUnit::Watts, provenance });
            assumed.value
        }
        (Err(error), None) => return Err(error),
    };
    let host = ASSUMPTIONS.host_power_factor;
    budget.facts.push(assumed_fact("Server power per accelerator power", FactUnit::Ratio, host));
    Ok(rated * (load(step) * host.value))
}

/// Share of the rated power that the step draws on average.
pub(crate) fn load(step: &Step) -> f64 {
    let share = |resource| step.share_of(resource);
    let compute = share(Resource::Compute);
    let memory = compute + share(Resource::Memory);
    let network = share(Resource::IntraNodeNetwork) + share(Resource::InterNodeNetwork);
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
) -> Result<f64, CatalogError> {
    let mut add = |site: &Site, share: f64| {
        budget.facts.push(catalog_fact(
            format!("Power usage effectiveness: {}", site.name),
            FactUnit::Ratio,
            site.power_usage_effectiveness,
            |ratio| ratio,
        ));
        budget.grams_co2e += share * site.grid_grams_co2e_per_kilowatt_hour.value;
        share * site.power_usage_effectiveness.value
    };
    let mut usage = 0.0;
    if rented_share > 0.0 {
        usage += add(catalog.site("cloud")?, rented_share);
    }
    if rented_share < 1.0 {
        let own = if matches!(runner, Runner::ThisDevice) { "here" } else { "on-premises" };
        usage += add(catalog.site(own)?, 1.0 - rented_share);
    }
    Ok(usage)
}

fn rent(
    scenario: &Scenario,
    catalog: &Catalog,
    runner: Runner,
    share: f64,
    time: Seconds,
    budget: &mut Budget,
) -> Result<(), CatalogError> {
    let Runner::Catalog(accelerator) = runner else { return Ok(()) };
    let (price, provenance) = if let Some(own) = scenario.usd_per_accelerator_hour {
        (UsdPerHour(own), Provenance::Assumption)
    } else {
        let offer = catalog.median_price(accelerator)?;
        price_notes(catalog, accelerator, budget);
        let fact = offer.usd_per_accelerator_hour;
        let provenance =
            Provenance::Catalog { source: fact.source.into(), retrieved_on: fact.retrieved_on.into() };
        (fact.value, provenance)
    };
    budget.facts.push(FactUse {
        label: format!("Rent of {}", accelerator.name),
        value: price.0,
        unit: FactUnit::UsdPerHour,
        provenance: provenance.clone(),
    });
    let cost = price * time * (f64::from(scenario.accelerator_count) * share);
    budget.cost_parts.push(CostPart { label: "accelerator rent".into(), cost, provenance });
    Ok(())
}

fn price_notes(catalog: &Catalog, accelerator: &Accelerator, budget: &mut Budget) {
    let prices = catalog.prices_for(accelerator.id);
    if let (Some(low), Some(high)) = (prices.first(), prices.last())
        && prices.len() > 1
    {
        budget.notes.push(format!(
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
    budget: &mut Budget,
) -> Result<(), CatalogError> {
    let price = UsdPerKilowattHour(scenario.usd_per_kilowatt_hour);
    let hours_share = f64::from(scenario.accelerator_count) * share;
    if let Runner::Catalog(accelerator) = runner {
        // In a hybrid the visitor's price is the rent of the rented share.
        let own_price =
            scenario.usd_per_accelerator_hour.filter(|_| scenario.deployment == Deployment::OnPremises);
        let (cost, provenance) = if let Some(own) = own_price {
            (UsdPerHour(own) * time * hours_share, Provenance::Assumption)
        } else {
            let purchase = accelerator.purchase_price()?;
            let server = ASSUMPTIONS.server_price_factor;
            budget.facts.push(catalog_fact(
                format!("Purchase price of {}", accelerator.name),
                FactUnit::Usd,
                purchase,
                |price| price.0,
            ));
            budget.facts.push(assumed_fact(
                "Server and network per accelerator price",
                FactUnit::Ratio,
                server,
            ));
            let hourly = purchase.value.0 * server.value / (scenario.amortisation_years * HOURS_PER_YEAR);
            let provenance = Provenance::Catalog {
                source: purchase.source.into(),
                retrieved_on: purchase.retrieved_on.into(),
            };
            budget.notes.push(
                "Owned hardware is written off as if every hour of its life were used; at half use its share of \
                 the cost doubles."
                    .into(),
            );
            (UsdPerHour(hourly) * time * hours_share, provenance)
        };
        budget.cost_parts.push(CostPart { label: "owned hardware".into(), cost, provenance });
    } else {
        budget.notes.push("This device is yours: only electricity is counted.".into());
    }
    budget.facts.push(FactUse {
        label: "Electricity".into(),
        value: price.0,
        unit: FactUnit::UsdPerKilowattHour,
        provenance: Provenance::Assumption,
    });
    let cost: Usd = price * (budget.energy * share);
    budget.cost_parts.push(CostPart {
        label: "electricity".into(),
        cost,
        provenance: Provenance::Assumption,
    });
    Ok(())
}

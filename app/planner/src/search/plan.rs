//! A scenario's workload on one or several fleets: the search with prices, and what it says.

use super::explain::explain;
use super::run::{Candidate, Found, Goal, Priced, Search, Searched};
use crate::catalog::Catalog;
use crate::cost::{budget, load};
use crate::evaluate::EvaluateError;
use crate::facts::Desk;
use crate::scenario::Scenario;
use crate::setup::{Setup, setup};
use crate::training::{Step, TrainingModel};
use crate::units::Seconds;

/// What is searched beside the scenario's own fleet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanOptions {
    /// Catalog ids of accelerators; empty for the scenario's.
    pub accelerators: Vec<String>,
    /// Numbers of accelerators; empty for the scenario's.
    pub counts: Vec<u32>,
    /// What is asked.
    pub goal: Goal,
    /// How many of the best are returned.
    pub top: usize,
}

/// A fleet that was searched.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedFleet {
    /// Catalog id.
    pub accelerator: String,
    /// Accelerators.
    pub count: u32,
    /// Layouts of it that were looked at.
    pub considered: u64,
    /// Those that fit.
    pub fitting: u64,
    /// Why it was left out, where it was.
    pub left_out: Option<String>,
}

/// What a search says.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The fleets, numbered as in [`Candidate::fleet`].
    pub fleets: Vec<PlannedFleet>,
    /// Layouts in all.
    pub searched: Searched,
    /// Best first.
    pub best: Vec<Candidate>,
    /// The front over time, cost, energy and memory, by time.
    pub front: Vec<Candidate>,
    /// Why the first beats the second, or why there is none.
    pub explanation: String,
}

/// Searches; `progress` hears the share done and the front so far, and says whether to go on.
///
/// # Errors
/// What the catalog lacks, where there is one fleet only; with several, a fleet that cannot be searched says why.
pub fn plan(
    scenario: &Scenario,
    options: &PlanOptions,
    catalog: &Catalog,
    model: &TrainingModel,
    progress: &mut dyn FnMut(f64, &Found) -> bool,
) -> Result<Plan, EvaluateError> {
    let scenario = scenario.clone().sanitised();
    let mut found = Found::default();
    let mut fleets: Vec<PlannedFleet> = Vec::new();
    let wanted = fleets_of(&scenario, options);
    let top = options.top.max(2);
    for (number, (accelerator, count)) in wanted.iter().enumerate() {
        let one =
            Scenario { accelerator: accelerator.clone(), accelerator_count: *count, ..scenario.clone() };
        let mut fleet = PlannedFleet {
            accelerator: accelerator.clone(),
            count: *count,
            considered: 0,
            fitting: 0,
            left_out: None,
        };
        match prepared(&one, catalog) {
            Ok((setup, priced)) => {
                let search = search(model, &setup, priced, *count, number);
                let mut all = Found::default();
                std::mem::swap(&mut all, &mut found);
                let shared = std::cell::RefCell::new(all);
                let searched = search.run(
                    &mut |candidate| shared.borrow_mut().offer(candidate, &options.goal, top),
                    &mut |share| progress((number as f64 + share) / wanted.len() as f64, &shared.borrow()),
                );
                found = shared.into_inner();
                found.searched.considered += searched.considered;
                found.searched.fitting += searched.fitting;
                (fleet.considered, fleet.fitting) = (searched.considered, searched.fitting);
            }
            Err(error) if wanted.len() == 1 => return Err(error),
            Err(error) => fleet.left_out = Some(error.to_string()),
        }
        fleets.push(fleet);
    }
    Ok(finished(fleets, found, options))
}

fn finished(fleets: Vec<PlannedFleet>, mut found: Found, options: &PlanOptions) -> Plan {
    found.front.candidates.sort_by(|left, right| left.time.total_cmp(&right.time));
    let explanation = match (found.best.as_slice(), found.searched.fitting) {
        ([best, runner_up, ..], _) => explain(best, runner_up),
        ([_], _) => "One layout is left: nothing else fits and keeps the goal.".into(),
        ([], 0) => {
            "No layout fits the memory. Take more accelerators, a smaller micro batch or sequence, or an \
                    accelerator with more memory."
                .into()
        }
        ([], _) => {
            "Layouts fit, but none keeps deadline and budget. Relax one of them, or search more fleets."
                .into()
        }
    };
    found.best.truncate(options.top.max(1));
    Plan { fleets, searched: found.searched, best: found.best, front: found.front.candidates, explanation }
}

fn fleets_of(scenario: &Scenario, options: &PlanOptions) -> Vec<(String, u32)> {
    let own = vec![scenario.accelerator.clone()];
    let accelerators = if options.accelerators.is_empty() { &own } else { &options.accelerators };
    let count = vec![scenario.accelerator_count];
    let counts = if options.counts.is_empty() { &count } else { &options.counts };
    accelerators
        .iter()
        .flat_map(|accelerator| counts.iter().map(move |count| (accelerator.clone(), *count)))
        .collect()
}

fn prepared(scenario: &Scenario, catalog: &Catalog) -> Result<(Setup, Priced), EvaluateError> {
    let setup = setup(scenario, catalog)?;
    let tokens = f64::from(scenario.global_batch_size) * f64::from(scenario.sequence_length);
    let step_count = (scenario.training_tokens / tokens).ceil().max(1.0);
    // A bill is a straight line in the load: two loads give it.
    let at = |step: &Step| -> Result<[f64; 3], EvaluateError> {
        let money =
            budget(scenario, catalog, setup.runner, step, Seconds(1.0), &mut Desk::new(&scenario.own_facts))?;
        let cost: f64 = money.cost_parts.iter().map(|part| part.cost.0).sum();
        Ok([load(step), cost, money.energy.0])
    };
    let (idle, busy) =
        (at(&Step { bubble: 1.0, ..Step::default() })?, at(&Step { products: 1.0, ..Step::default() })?);
    let line = |part: usize| -> [f64; 2] {
        let [x, y] = [&idle, &busy].map(|side| [side[0], side.get(part).copied().unwrap_or(0.0)]);
        let slope = (y[1] - x[1]) / (y[0] - x[0]);
        let zero = x[1] - slope * x[0];
        [zero, zero + slope]
    };
    Ok((setup.clone(), Priced { usd_per_second: line(1), watts: line(2), step_count }))
}

const fn search<'a>(
    model: &'a TrainingModel,
    setup: &'a Setup,
    priced: Priced,
    count: u32,
    fleet: usize,
) -> Search<'a> {
    Search {
        model,
        workload: &setup.workload,
        chip: &setup.chip,
        chip_number: setup.chip_number,
        count,
        fleet,
        priced,
    }
}

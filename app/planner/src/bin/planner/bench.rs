//! `bench`: configurations per second of one thread.

use planner::catalog::Catalog;
use planner::scenario::Scenario;
use planner::search::{PlanOptions, plan};
use planner::training::TrainingModel;
use std::time::Instant;

/// Searches a 405B model on up to 16,384 H100 again and again for two seconds.
pub fn bench() -> Result<String, String> {
    let catalog = Catalog::builtin();
    let model = TrainingModel::builtin(catalog)?;
    let scenario = Scenario {
        model: "llama-3.1-405b".into(),
        accelerator_count: 16_384,
        global_batch_size: 2_048,
        ..Scenario::default()
    };
    let whole = PlanOptions { top: 10, ..PlanOptions::default() };
    let start = Instant::now();
    let one =
        plan(&scenario, &whole, catalog, &model, &mut |_, _| true).map_err(|error| error.to_string())?;
    let single = start.elapsed().as_secs_f64();
    let (mut considered, mut fitting) = (0_u64, 0_u64);
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < 2.0 {
        let again =
            plan(&scenario, &whole, catalog, &model, &mut |_, _| true).map_err(|error| error.to_string())?;
        considered += again.searched.considered;
        fitting += again.searched.fitting;
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(format!(
        "{:.0} configurations per second on one thread ({considered} in {seconds:.2} s, of which {fitting} fit)\n\
         a sweep of Llama 3 405B on 16,384 H100: {} layouts in {single:.3} s\n",
        considered as f64 / seconds,
        one.searched.considered
    ))
}

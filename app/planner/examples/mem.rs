//! scratch
use planner::calibration::training::*; use planner::calibration::memory::*;
use planner::catalog::Catalog;
use planner::training::{TrainingModel, memory};
use std::collections::BTreeMap;
fn main() {
    let (obs, _) = observations(&carried().unwrap(), Catalog::builtin());
    let base = TrainingModel::builtin(Catalog::builtin()).unwrap();
    let mut by: BTreeMap<String, Vec<(f64, f64, f64)>> = BTreeMap::new();
    for o in &obs {
        let m = memory(&o.run.workload, &o.run.layout);
        let p = base.predict_checked(&o.run.workload, &o.run.layout, &o.run.chip, o.run.chip_number);
        let c = o.run.chip.memory_bytes;
        by.entry(format!("{} {}", o.run.source, o.run.accelerator)).or_default().push((m.total() / c, p.memory_bytes / c, p.memory_bytes / m.total()));
        if std::env::args().nth(1).is_some_and(|s| o.run.source.starts_with(&s)) {
            println!("{} {} mb{} {:?} {:?} n{} total {:.2} of {:.0} | {}", o.run.id, o.run.model, o.run.layout.micro_batch_size, o.run.layout.recomputation, o.run.layout.sharding, o.run.layout.accelerator_count, p.memory_bytes / c, c / 1e9, m.parts().iter().map(|(n, b)| format!("{n} {:.1}", b / 1e9)).collect::<Vec<_>>().join(", "));
        }
    }
    for (k, v) in by { 
        println!("{:50} {:4} physics>1: {:3} pred>1: {:3} max phys {:.2} mean factor {:.2}", k, v.len(), v.iter().filter(|x| x.0 > 1.0).count(), v.iter().filter(|x| x.1 > 1.0).count(), v.iter().map(|x| x.0).fold(0.0, f64::max), v.iter().map(|x| x.2).sum::<f64>() / v.len() as f64); }
}

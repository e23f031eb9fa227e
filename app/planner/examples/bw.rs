//! scratch
use planner::calibration::training::*;
use planner::catalog::Catalog;
use planner::training::*;
use std::collections::BTreeMap;
fn main() {
    let (obs, _) = observations(&carried().unwrap(), Catalog::builtin());
    let bw = |o: &Observation| o.run.accelerator.starts_with("b") || o.run.accelerator.starts_with("gb");
    let rest: Vec<_> = obs.iter().filter(|o| !bw(o)).cloned().collect();
    let (mut p, _) = fit_parameters(&rest);
    for (n, at, _, _) in Parameters::RANGES { print!("{n}={:.4} ", at(&mut p)); }
    println!();
    let r = residuals(&obs, &p);
    let mut by: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, o) in obs.iter().enumerate() { if o.run.source.contains("Bridge") { by.entry(format!("{:<18} {:<12} {:?}", o.run.model.chars().take(16).collect::<String>(), o.run.accelerator, o.run.workload.recipe)).or_default().push(i); } }
    for (k, v) in &by {
        let o = &obs[v[0]]; let s = step(&o.run.workload, &o.run.layout, &o.run.chip, &p); let t = s.total();
        let l = &o.run.layout;
        print!("{:3} r {:+.2}..{:+.2} {k} tp{} pp{} vp{} cp{} ep{} mb{} n{} | ", v.len(), v.iter().map(|i| r[*i]).fold(9.0, f64::min), v.iter().map(|i| r[*i]).fold(-9.0, f64::max), l.tensor_parallel_size, l.pipeline_parallel_size, l.virtual_pipeline_size, l.context_parallel_size, l.expert_parallel_size, l.micro_batch_size, l.accelerator_count);
        for (n, _, x) in s.parts() { if x / t > 0.02 { print!("{}:{:.0}% ", &n[..9.min(n.len())], x / t * 100.0); } }
        println!();
    }
}

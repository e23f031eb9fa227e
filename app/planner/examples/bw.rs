//! scratch
use planner::calibration::training::*;
use planner::catalog::Catalog;
use planner::rows::training::{Counting, Metric};
fn main() {
    let (obs, _) = observations(&carried().unwrap(), Catalog::builtin());
    let base = planner::training::TrainingModel::builtin(Catalog::builtin()).unwrap();
    let v = residuals(&obs, &base.parameters);
    let pts: Vec<_> = obs.iter().map(|o| o.point).collect();
    let f = planner::residual::fit(&pts, &v, &base.time.kernel).unwrap();
    let mut out = vec![];
    for ((o, r), l) in obs.iter().zip(&v).zip(&f.leave_one_out) {
        if !o.run.source.starts_with("BigS") || o.run.layout.accelerator_count != 384 { continue; }
        let u = |s: f64| o.run.in_units(Metric::Teraflops(Counting::Model), s);
        let phys = o.measured / r.exp();
        let y = &o.run.layout; let w = &o.run.workload;
        out.push((u(o.measured), u(phys * l.exp()), u(phys), format!("{} {} L{} h{} a{} tp{} pp{} mb{} gb{} {:?} {}", o.run.id, o.run.model, w.shape.num_hidden_layers, w.shape.hidden_size, w.shape.num_attention_heads, y.tensor_parallel_size, y.pipeline_parallel_size, y.micro_batch_size, w.global_batch_size, w.recipe, w.release)));
    }
    out.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (m, l, p, t) in &out { println!("{m:.1} loo {l:.1} phys {p:.1} {t}"); }
    let loo: Vec<[f64; 2]> = out.iter().map(|o| [o.0, o.1]).collect();
    let ph: Vec<[f64; 2]> = out.iter().map(|o| [o.0, o.2]).collect();
    println!("{:?}\n{:?}", planner::accuracy::ranking("loo", &loo, ""), planner::accuracy::ranking("physics", &ph, ""));
}

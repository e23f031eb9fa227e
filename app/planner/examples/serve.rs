//! scratch
use planner::calibration::training::*; use planner::calibration::memory::*;
use planner::catalog::Catalog;
use planner::training::TrainingModel;
fn main() {
    let (obs, _) = observations(&carried().unwrap(), Catalog::builtin());
    let base = TrainingModel::builtin(Catalog::builtin()).unwrap();
    let p = base.parameters;
    let v = residuals(&obs, &p);
    let pts: Vec<_> = obs.iter().map(|o| o.point).collect();
    let f = planner::residual::fit(&pts, &v, &base.time.kernel).unwrap();
    let mut s = 0.0; let mut n = 0.0;
    for ((o, a), b) in obs.iter().zip(&v).zip(&f.leave_one_out) {
        let src = &o.run.source;
        if src.starts_with("Korth") || src.starts_with("MT-NLG") {
            let w = &o.run.workload; let l = &o.run.layout;
            println!("{} {} loo {:+.3} phys {:+.3} {:?} tp{} pp{} dp{} n{}", o.run.id, o.run.model, b - a, -a, w.recipe, l.tensor_parallel_size, l.pipeline_parallel_size, l.data_parallel_size(), o.run.chip_number);
        }
        if src.starts_with("Korth") || src.starts_with("MT-NLG") || src.starts_with("Megatron-LM 2021") || src.starts_with("BigScience") { if o.run.accelerator.starts_with("a100") { s += ((b - a).exp() - 1.0).abs(); n += 1.0; } }
    }
    println!("calculon rows loo {:.3} of {n}", s / n);
    let mem = memory_residuals(&obs);
    let pts: Vec<_> = mem.iter().map(|m| m.0.point).collect();
    let v: Vec<f64> = mem.iter().map(|m| m.1).collect();
    let f = planner::residual::fit(&pts, &v, &memory_kernel()).unwrap();
    let (mut a0, mut a1, mut low) = (0.0, 0.0, 0.0);
    for (r, l) in v.iter().zip(&f.leave_one_out) {
        a0 += ((l - r).exp() - 1.0).abs(); a1 += ((l - r + base.memory_margin).exp() - 1.0).abs();
        if (l - r + base.memory_margin).exp() >= 0.95 { low += 1.0; }
    }
    let n = v.len() as f64;
    println!("memory loo {:.3} with margin {:.3} ({:.3}) ok {:.3} n {n}", a0 / n, a1 / n, base.memory_margin, low / n);
    let mut worst: Vec<(f64, &str, &str, f64, usize)> = mem.iter().zip(&f.leave_one_out).enumerate().map(|(i, (m, l))| (l - m.1, m.0.run.id.as_str(), m.0.run.model.as_str(), m.1, i)).collect();
    worst.sort_by(|a, b| a.0.total_cmp(&b.0));
    for w in &worst { println!("{:+.3} {} {} {:+.3} {} {}", w.0, w.1, w.2, w.3, mem[w.4].0.run.source, mem[w.4].0.run.chip.memory_bytes); }
}

//! scratch
use planner::calibration::serving::*;
use planner::catalog::Catalog;
use std::collections::BTreeMap;
fn stats(e: &[f64]) -> String {
    let mut a: Vec<f64> = e.iter().map(|x| (x.exp() - 1.0).abs() * 100.0).collect();
    a.sort_by(f64::total_cmp);
    let n = a.len().max(1);
    format!("mape {:.1} med {:.1} p90 {:.1} in20 {:.0}", a.iter().sum::<f64>() / n as f64, a.get(n / 2).unwrap_or(&0.0), a.get((n * 9) / 10).unwrap_or(&0.0), a.iter().filter(|x| **x <= 20.0).count() as f64 / n as f64 * 100.0)
}
fn main() {
    let (obs, _) = observations(&carried().unwrap(), Catalog::builtin());
    let (p, _) = fit_parameters(&obs);
    let target = Target::Token;
    let (pts, r, ids) = data(&obs, target, &p);
    let f = planner::residual::fit(&pts, &r, &neutral_kernel()).unwrap();
    let mut by: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for ((id, a), b) in ids.iter().zip(&r).zip(&f.leave_one_out) {
        let o = obs.iter().find(|o| &o.run.id == id).unwrap();
        by.entry(format!("{:?} {}", o.run.workload.mode, o.run.words[0])).or_default().push(b - a);
        if (b - a).abs() > 0.5 { println!("{id} loo {:+.2} r {:+.2} {} {} {:?} {:?}", b - a, a, o.run.model, o.run.accelerator, o.run.workload.mode, o.token); }
    }
    for (k, v) in &by { println!("{:4} {} {k}", v.len(), stats(v)); }
}

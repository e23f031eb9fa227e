//! scratch
use planner::calibration::serving::*;
use planner::catalog::Catalog;
use planner::serving::*;
use std::collections::BTreeMap;
fn stats(e: &[f64]) -> String {
    let mut a: Vec<f64> = e.iter().map(|x| (x.exp() - 1.0).abs() * 100.0).collect();
    a.sort_by(f64::total_cmp);
    let n = a.len().max(1);
    format!("mape {:.1} med {:.1} p90 {:.1} in20 {:.0}", a.iter().sum::<f64>() / n as f64, a.get(n / 2).unwrap_or(&0.0), a.get((n * 9) / 10).unwrap_or(&0.0), a.iter().filter(|x| **x <= 20.0).count() as f64 / n as f64 * 100.0)
}
fn main() {
    let (obs, skipped) = observations(&carried().unwrap(), Catalog::builtin());
    println!("{} read, {} skipped", obs.len(), skipped.len());
    for s in skipped.iter().take(20) { println!("  {s}"); }
    let t = std::time::Instant::now();
    let (mut p, s) = fit_parameters(&obs);
    println!("fit {s} in {:?}", t.elapsed());
    for (n, at, _, _) in ServingParameters::RANGES { print!("{n}={:.6} ", at(&mut p)); }
    println!();
    for target in [Target::Token, Target::First] {
        let (pts, r, _) = data(&obs, target, &p);
        println!("{target:?} {} physics {}", r.len(), stats(&r.iter().map(|x| -x).collect::<Vec<_>>()));
        let mut by: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for o in &obs { if let Some(x) = o.residual(target, &p) { by.entry(format!("{:<28} {:<12} {} {:?}", o.run.model.chars().take(28).collect::<String>(), o.run.accelerator, o.run.words[0], o.run.workload.mode)).or_default().push(-x); } }
        for (k, v) in &by { println!("{:4} mean {:+.2} {} {k}", v.len(), v.iter().sum::<f64>() / v.len() as f64, stats(v)); }
        let th: Vec<_> = pts.iter().step_by(3).copied().collect();
        let tr: Vec<f64> = r.iter().step_by(3).copied().collect();
        let t = std::time::Instant::now();
        let f = planner::residual::fit(&th, &tr, &neutral_kernel()).unwrap();
        println!("third: loo {} in {:?}", stats(&tr.iter().zip(&f.leave_one_out).map(|(a, b)| b - a).collect::<Vec<_>>()), t.elapsed());
        let t = std::time::Instant::now();
        let f = planner::residual::fit(&pts, &r, &neutral_kernel()).unwrap();
        println!("all: loo {} in {:?}", stats(&r.iter().zip(&f.leave_one_out).map(|(a, b)| b - a).collect::<Vec<_>>()), t.elapsed());
    }
}

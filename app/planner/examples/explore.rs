use planner::calibration::training::*;
use planner::catalog::Catalog;
use planner::training::*;
use std::collections::BTreeMap;
fn stats(e: &[f64]) -> (f64, f64, f64) {
    let mut a: Vec<f64> = e.iter().map(|x| (x.exp() - 1.0).abs() * 100.0).collect();
    a.sort_by(f64::total_cmp);
    let n = a.len().max(1);
    (a.iter().sum::<f64>() / n as f64, a[n / 2], a[(n * 9) / 10])
}
fn main() {
    let (obs, skipped) = observations(&carried().unwrap(), Catalog::builtin());
    println!("{} read, {} skipped", obs.len(), skipped.len());
    for s in skipped.iter().take(40) { println!("  {s}"); }
    let r0 = residuals(&obs, &Parameters::NEUTRAL);
    println!("neutral {:?}", stats(&r0));
    let t = std::time::Instant::now();
    let (mut p, s) = fit_parameters(&obs);
    println!("fit {s} in {:?}", t.elapsed());
    for (n, at, _, _) in Parameters::RANGES { print!("{n}={:.4} ", at(&mut p)); }
    println!();
    let r = residuals(&obs, &p);
    println!("physics {:?}", stats(&r));
    let mut by: BTreeMap<String, Vec<(f64, usize)>> = BTreeMap::new();
    for (i, o) in obs.iter().enumerate() { by.entry(format!("{} | {}", o.run.source, o.run.accelerator)).or_default().push((r[i], i)); }
    for (k, v) in &by {
        let mean = v.iter().map(|x| x.0).sum::<f64>() / v.len() as f64;
        let e: Vec<f64> = v.iter().map(|x| x.0).collect();
        println!("{:4} mean {:+.3} {:?} {k}", v.len(), mean, stats(&e));
    }
    let points: Vec<_> = obs.iter().map(|o| o.point).collect();
    let t = std::time::Instant::now();
    let f = planner::residual::fit(&points, &r, &neutral_kernel()).unwrap();
    println!("gp one fit {:?} loo {}", t.elapsed(), left_out_error(&f, &r));
    let e: Vec<f64> = r.iter().zip(&f.leave_one_out).map(|(a, b)| b - a).collect();
    println!("loo neutral {:?}", stats(&e));
    if std::env::args().nth(1).is_some() {
        let (k, s) = fit_kernel(&points, &r, &neutral_kernel(), 1.15);
        println!("{k:?} {s} {:?}", t.elapsed());
        let f = planner::residual::fit(&points, &r, &k).unwrap();
        let e: Vec<f64> = r.iter().zip(&f.leave_one_out).map(|(a, b)| b - a).collect();
        println!("loo fitted {:?}", stats(&e));
        let mut worst: Vec<(f64, usize)> = e.iter().map(|x| x.abs()).zip(0..).collect();
        worst.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (w, i) in worst.iter().take(40) { let o = &obs[*i]; println!("{w:.3} r {:+.3} {} {} {} {} near {:.2} {:?}", r[*i], o.run.id, o.run.source, o.run.model, o.run.accelerator, f.nearness[*i], o.run.metric); }
        for (kk, v) in &by { let ee: Vec<f64> = v.iter().map(|x| e[x.1]).collect(); println!("{:4} {:?} {kk}", ee.len(), stats(&ee)); }
    }
}

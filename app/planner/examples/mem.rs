//! scratch
use planner::calibration::training::*;
use planner::catalog::Catalog;
use planner::training::*;
fn main() {
    let (obs, _) = observations(&carried().unwrap(), Catalog::builtin());
    let with: Vec<&Observation> = obs.iter().filter(|o| o.memory_gib.is_some()).collect();
    let pts: Vec<_> = with.iter().map(|o| o.point).collect();
    let r: Vec<f64> = with.iter().map(|o| (o.memory_gib.unwrap() * 1073741824.0 / memory(&o.run.workload, &o.run.layout).total()).ln()).collect();
    for noise in [0.0005, 0.002, 0.005] { for far in [0.02, 0.05, 0.1] {
        let k = planner::residual::Kernel { noise, far, near: far / 4.0, ..neutral_kernel() };
        let f = planner::residual::fit(&pts, &r, &k).unwrap();
        let e: Vec<f64> = r.iter().zip(&f.leave_one_out).map(|(a, b)| b - a).collect();
        let mut s = e.clone(); s.sort_by(f64::total_cmp);
        println!("noise {noise} far {far}: loo {:.4} phys {:.4} q05 {:.3}", left_out_error(&f, &r), r.iter().map(|x| ((-x).exp() - 1.0).abs()).sum::<f64>() / r.len() as f64, s[s.len() / 20]);
    } }
    for o in &obs {
        if let Some(m) = o.memory_gib {
            let mem = memory(&o.run.workload, &o.run.layout);
            let l = &o.run.layout;
            let g = |x: f64| x / 1073741824.0;
            println!("{} {:.2} meas {m} pred {:.1} w{:.1} g{:.1} o{:.1} a{:.1} l{:.1} | {} {} tp{} pp{} dp{} mb{} gb{} cp{} seq{} {:?} {:?} {:?}", o.run.id, g(mem.total())/m, g(mem.total()), g(mem.weights), g(mem.gradients), g(mem.optimizer_states), g(mem.activations), g(mem.logits), o.run.model, o.run.accelerator, l.tensor_parallel_size, l.pipeline_parallel_size, l.data_parallel_size(), l.micro_batch_size, o.run.workload.global_batch_size, l.context_parallel_size, o.run.workload.sequence_length, o.run.workload.recipe, l.recomputation, l.sharding);
        }
    }
}

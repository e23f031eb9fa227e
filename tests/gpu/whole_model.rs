//! The GPT of `tests/whole_model` on the adapter: its loss curve is PyTorch's.

#[path = "../whole_model/job.rs"]
mod job;

use engine::bench::Training;
use pollster::block_on;

#[test]
fn a_gpt_learns_as_in_pytorch() {
    let known = job::known();
    let place = crate::place(&crate::device());
    let run = Training::new(&known.job, &known.weights, known.batches, &place);
    let mut run = block_on(run).expect("the model fits");
    let mut losses = vec![];
    while losses.len() < known.losses.len() {
        losses.extend(block_on(run.steps(20)).expect("the run stays finite"));
    }
    let (step, apart) = job::farthest(&losses, &known.losses);
    println!("whole model: at most {apart:.1e} from PyTorch's losses, at step {step}");
    assert!(apart <= job::TOLERANCE, "step {step}: {} here, {} in PyTorch", losses[step], known.losses[step]);
}

#[test]
fn a_profile_sums_up_to_the_step() {
    use engine::profile::profile_step;
    let known = job::known();
    let place = crate::place(&crate::device());
    let mut run =
        block_on(Training::new(&known.job, &known.weights, known.batches, &place)).expect("it fits");
    block_on(run.steps(2)).expect("the run stays finite");
    let mut best = f64::INFINITY;
    for _ in 0..4 {
        let begin = std::time::Instant::now();
        block_on(run.steps(1)).expect("the run stays finite");
        best = best.min(begin.elapsed().as_secs_f64());
    }
    let profile = block_on(profile_step(run.session(), 3)).expect("the device stays");
    let share = profile.total_seconds / best;
    println!("profile: kernels take {share:.2} of a step of {:.1} ms", best * 1e3);
    assert!((0.3..1.7).contains(&share), "kernels of {} s in a step of {best} s", profile.total_seconds);
    assert!(profile.rows.iter().all(|row| row.seconds.is_finite() && row.seconds >= 0.0));
}

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

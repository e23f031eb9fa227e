//! Are the checks of kernels sharp? Kernels are broken on purpose, one small change of the text at a time, and the
//! checks must notice. A change that no result can show is listed with its reason.

mod allowed;
pub mod changes;

use super::kernels::{
    case::{Draw, Spec},
    cases, runner, specs,
};
use engine::backends::gpu::GpuDevice;
use std::fmt::Write as _;
use wgpu::naga;

/// Mutants of each kernel; the environment variable `MUTANTS` asks for more (all there are take some minutes).
const MUTANTS: usize = 8;
/// Cases that a mutant must survive to be called alive; most die in the first few.
const ROUNDS: [(u64, u32); 3] = [(3, 8), (4, 24), (5, 80)];
/// Share of mutants that must die.
const LEAST_KILLED: f64 = 0.95;
/// Steps of all loops of one invocation together, so that a loop that lost its end ends all the same; the largest case
/// takes some thousands.
const FUEL: &str = "
var<private> fuel: u32 = 30000u;
fn spend() -> bool {
  if (fuel == 0u) { return false; }
  fuel -= 1u;
  return true;
}
";

/// A kernel whose invocations wait for each other: its loops stay as they are, since all must leave them together.
pub fn has_barrier(source: &str) -> bool {
    source.contains("workgroupBarrier")
}

/// The text with every loop's condition paid for.
pub fn fuelled(source: &str) -> String {
    if has_barrier(source) {
        return source.to_owned();
    }
    let mut text = String::new();
    for line in source.lines() {
        let paid = line.find("for (").and_then(|start| {
            let first = start + line[start..].find(';')?;
            let second = first + 1 + line[first + 1..].find(';')?;
            Some(format!("{}; spend() && ({}){}", &line[..first], &line[first + 1..second], &line[second..]))
        });
        text.push_str(paid.as_deref().unwrap_or(line));
        text.push('\n');
    }
    text + FUEL
}

pub fn is_valid(source: &str) -> bool {
    let flags = naga::valid::ValidationFlags::all();
    let mut validator = naga::valid::Validator::new(flags, naga::valid::Capabilities::all());
    naga::front::wgsl::parse_str(source).is_ok_and(|module| validator.validate(&module).is_ok())
}

/// The checks notice something about the text.
fn is_killed(device: &GpuDevice, spec: &Spec, source: &str) -> bool {
    let source = fuelled(source);
    ROUNDS.into_iter().any(|(seed, count)| {
        let cases = cases(spec, seed, count);
        let found = runner::run(device, &source, &cases).expect("a valid text");
        cases.iter().zip(&found).any(|(case, found)| case.check(found).is_err())
    })
}

/// Valid mutants of a kernel in a seeded order, without those that no result can show.
fn mutants(spec: &Spec, most: usize) -> Vec<changes::Change> {
    let kernel = spec.kernel.kernel();
    let mut draw = Draw::new(41 + spec.kernel as u64);
    let mut pool = changes::all(kernel.source);
    let mut chosen = vec![];
    while chosen.len() < most && !pool.is_empty() {
        let change = pool.swap_remove(draw.word() as usize % pool.len());
        if has_barrier(kernel.source) && change.line.starts_with("for (") {
            continue;
        }
        if allowed::reason(kernel.name, &change).is_none() && is_valid(&change.apply(kernel.source)) {
            chosen.push(change);
        }
    }
    chosen
}

#[test]
fn kernels_that_are_paid_for_still_pass() {
    let device = runner::device();
    for spec in specs() {
        let kernel = spec.kernel.kernel();
        assert!(!is_killed(&device, &spec, kernel.source), "{}", kernel.name);
    }
}

#[test]
fn mutants_are_killed() {
    let device = runner::device();
    let most = std::env::var("MUTANTS").map_or(MUTANTS, |most| most.parse().expect("a number"));
    let (mut total, mut killed, mut survivors) = (0, 0, String::new());
    for spec in specs() {
        let kernel = spec.kernel.kernel();
        for change in mutants(&spec, most) {
            total += 1;
            if is_killed(&device, &spec, &change.apply(kernel.source)) {
                killed += 1;
            } else {
                let _ = writeln!(survivors, "{}: {}", kernel.name, change.describe(kernel.source));
            }
        }
    }
    println!("{killed} of {total} mutants killed; alive:\n{survivors}");
    assert!(total >= 120, "{total} mutants");
    assert!(f64::from(killed) >= LEAST_KILLED * f64::from(total), "{killed} of {total} killed:\n{survivors}");
}

#[test]
fn every_allowance_is_of_a_change_that_exists() {
    for allowance in allowed::ALLOWED {
        let spec = specs().into_iter().find(|spec| spec.kernel.kernel().name == allowance.kernel);
        let source = spec.expect("a kernel of that name").kernel.kernel().source;
        let found = changes::all(source).iter().any(|change| allowance.covers(change));
        assert!(found, "{}: {} -> {}", allowance.kernel, allowance.line, allowance.mutated);
    }
}

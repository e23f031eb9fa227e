//! Every kernel and its CPU twin against an f64 reference of its own, on seeded ragged shapes, within derived bounds.

pub mod attention;
pub mod bounds;
pub mod case;
mod gradients;
pub mod images;
pub mod losses;
pub mod moves;
pub mod products;
pub mod reductions;
pub mod rows;
pub mod runner;
pub mod windows;

use case::{Case, Draw, Memory, Spec};
use shaders::KERNELS;

/// Cases of each kernel.
const CASES: u32 = 200;

/// Probes have no answer to give.
const UNCHECKED: [&str; 4] = ["probe_copy", "probe_dot4i8", "probe_fma_f16", "probe_fma_f32"];

/// How every kernel is checked.
pub fn specs() -> Vec<Spec> {
    [
        attention::specs(),
        images::specs(),
        losses::specs(),
        moves::specs(),
        products::specs(),
        reductions::specs(),
        rows::specs(),
        windows::specs(),
    ]
    .concat()
}

/// The cases of a kernel from a seed: the same for the GPU, for the twin and for mutants.
pub fn cases(spec: &Spec, seed: u64, count: u32) -> Vec<Case> {
    let seed = seed * 1000 + spec.kernel as u64;
    (0..count).map(|index| (spec.case)(&mut Draw::new(seed * 1_000_003 + u64::from(index)))).collect()
}

#[test]
fn no_kernel_goes_unchecked() {
    let checked: Vec<&str> = specs().iter().map(|spec| spec.kernel.kernel().name).collect();
    for kernel in &KERNELS {
        let places = checked.iter().chain(&UNCHECKED).filter(|name| **name == kernel.name).count();
        assert_eq!(places, 1, "{} is compared in one place", kernel.name);
    }
}

#[test]
fn kernels_stay_within_the_derived_bound_on_ragged_shapes() {
    let device = runner::device();
    for spec in specs() {
        let kernel = spec.kernel.kernel();
        let cases = cases(&spec, 1, CASES);
        for case in &cases {
            assert_eq!(case.buffers.len(), kernel.buffers.len(), "{}", kernel.name);
            assert_eq!(case.uniform.len(), kernel.uniform_words, "{}", kernel.name);
        }
        let found = runner::run(&device, kernel.source, &cases).expect("the kernel compiles");
        let checked = cases.iter().zip(&found).map(|(case, found)| case.check(found));
        let worst = checked.collect::<Result<Vec<f64>, String>>();
        let worst = worst.unwrap_or_else(|message| panic!("{}: {message}", kernel.name));
        println!("{}: {:.3} of the bound", kernel.name, worst.into_iter().fold(0.0, f64::max));
    }
}

#[test]
fn twins_stay_within_the_derived_bound_on_ragged_shapes() {
    for spec in specs() {
        for case in cases(&spec, 1, CASES) {
            let mut memory = Memory(case.buffers.clone());
            (spec.twin)(&case, &mut memory);
            if let Err(message) = case.check(&memory.0) {
                panic!("{}: {message}", spec.kernel.kernel().name);
            }
        }
    }
}

#[test]
fn the_bound_rejects_a_result_that_is_slightly_off() {
    for spec in specs() {
        for case in cases(&spec, 2, 5) {
            let mut memory = Memory(case.buffers.clone());
            (spec.twin)(&case, &mut memory);
            let last = memory.0.len() - 1;
            let wants = &case.wants[last];
            let rounded = wants.iter().position(|want| matches!(want, case::Want::Near(_)));
            let at = rounded.unwrap_or_default();
            memory.0[last][at] = match wants[at] {
                case::Want::Bits(bits) => bits ^ 1,
                case::Want::Near(want) => {
                    let off = 3.0 * want.error + want.value.abs() * bounds::HALF_ULP;
                    ((want.value + off) as f32 + f32::MIN_POSITIVE).to_bits()
                }
            };
            assert!(case.check(&memory.0).is_err(), "{}", spec.kernel.kernel().name);
        }
    }
}

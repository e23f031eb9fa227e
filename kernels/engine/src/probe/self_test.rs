//! Known answers: every kernel of a small network, on this adapter, against the CPU backend.
//!
//! Each kernel gets one call of a real plan over an arena of known contents; what it writes must equal what the
//! CPU writes, integers to the bit and floats within the bound of the kernel's sums.

use crate::{
    EngineError,
    backends::{Executor, gpu::GpuDevice},
    graph::Graph,
    models::{Layer, Network},
    plan::{Call, Plan, PlanOptions},
    quantisation::QuantizedNetwork,
    random::Stream,
    training::RecordedStep,
};
use planner::experiment::Optimizer;
use shaders::KernelId;
use std::{collections::BTreeMap, rc::Rc};

/// What the self-test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfTest {
    /// Kernels that answered rightly.
    pub passed: u32,
    /// Kernels asked.
    pub total: u32,
    /// Kernels that did not, with what they said.
    pub failures: Vec<(KernelId, String)>,
}

/// Asks every kernel of the training step and of the INT8 network.
///
/// # Errors
/// A lost device or memory; a wrong answer is not an error but a finding.
pub async fn self_test(device: &Rc<GpuDevice>) -> Result<SelfTest, EngineError> {
    let mut found = SelfTest { passed: 0, total: 0, failures: vec![] };
    for (kernel, (call, arena_words)) in calls(device)? {
        found.total += 1;
        match ask(device, &call, arena_words).await {
            Ok(None) => found.passed += 1,
            Ok(Some(message)) | Err(EngineError::Gpu { message }) => found.failures.push((kernel, message)),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// One call of each kernel, from the plans of a small network.
fn calls(device: &GpuDevice) -> Result<BTreeMap<KernelId, (Call, usize)>, EngineError> {
    let network = Network {
        layers: vec![
            Layer::Conv { inputs: 1, outputs: 5 },
            Layer::Conv { inputs: 5, outputs: 6 },
            Layer::Dense { inputs: 294, outputs: 10, relu: false },
        ],
    };
    let mut int8 = vec![KernelId::MatmulInt8Emulated];
    if device.has_packed_int8_dot {
        int8.push(KernelId::MatmulInt8);
    }
    let mut plans = vec![];
    for (matmul, optimizer) in
        [(KernelId::MatmulRegister, Optimizer::Adam), (KernelId::MatmulTiled, Optimizer::Sgd)]
    {
        let step = RecordedStep::record(&network, 3, optimizer)?;
        let options = PlanOptions::gpu(matmul, KernelId::MatmulInt8Emulated);
        plans.push(Plan::compile(&step.graph, &[step.network.logits], &options)?);
    }
    let weights = network.initial_weights(7);
    let quantized = QuantizedNetwork::quantize(&network, &weights, &[1.0, 2.0, 3.0]);
    for variant in int8 {
        let mut graph = Graph::new();
        let recorded = quantized.record(&mut graph, 3)?;
        let options = PlanOptions::gpu(KernelId::MatmulRegister, variant);
        plans.push(Plan::compile(&graph, &[recorded.logits], &options)?);
    }
    let mut calls = BTreeMap::new();
    for plan in plans {
        for call in &plan.calls {
            calls.entry(call.kernel).or_insert((call.clone(), plan.arena_words));
        }
    }
    Ok(calls)
}

/// The contents of the arena: small floats, and counters where a kernel reads integers.
fn contents(call: &Call, words: usize) -> Vec<u32> {
    let stream = Stream::new(11, 1);
    let mut arena: Vec<u32> =
        (0..words as u32).map(|index| (stream.uniform(index) * 2.0 - 1.0).to_bits()).collect();
    let names = call.kernel.kernel().buffers;
    for (name, span) in names.iter().zip(&call.buffers) {
        let Some(values) = arena.get_mut(span.range()) else { continue };
        match *name {
            "labels" => values.iter_mut().zip(0_u32..).for_each(|(value, index)| *value = index * 7 % 10),
            "clock" | "flags" => values.fill(0),
            // Moments of Adam are not negative where they are squares.
            "second_moment" => values.iter_mut().for_each(|value| *value &= 0x7fff_ffff),
            _ => {}
        }
    }
    arena
}

async fn ask(device: &Rc<GpuDevice>, call: &Call, arena_words: usize) -> Result<Option<String>, EngineError> {
    let plan = Rc::new(Plan::single(call.clone(), arena_words));
    let arena = contents(call, arena_words);
    let mut expected = Executor::cpu(Rc::clone(&plan));
    let mut answered = Executor::gpu(Rc::clone(device), Rc::clone(&plan)).await?;
    for executor in [&mut expected, &mut answered] {
        executor.write(plan.arena_span(), &arena)?;
        executor.run().await?;
    }
    let expected = expected.read(plan.arena_span()).await?;
    let answered = answered.read(plan.arena_span()).await?;
    let wrong = expected.iter().zip(&answered).enumerate().find(|(_, (want, got))| !agree(**want, **got));
    Ok(wrong.map(|(at, (want, got))| {
        format!("word {at} should be {} and is {}", f32::from_bits(*want), f32::from_bits(*got))
    }))
}

/// Equal bits, or finite floats within 2e-5 of the larger magnitude or of 1: sums here have at most 2,352 terms of
/// magnitude 1, and sqrt(2352) * 2^-24 * 8 is 2.3e-5.
fn agree(want: u32, got: u32) -> bool {
    let (a, b) = (f32::from_bits(want), f32::from_bits(got));
    want == got || (a.is_finite() && b.is_finite() && (a - b).abs() <= 2.4e-5 * a.abs().max(b.abs()).max(1.0))
}

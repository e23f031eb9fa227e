//! Known answers: every kernel of small models, on this adapter, against the CPU backend.
//!
//! Each kernel gets one call of a real plan over an arena of known contents; what it writes must equal what the
//! CPU writes, integers to the bit and floats within the bound of the kernel's sums.

use crate::{
    EngineError,
    backends::{Executor, gpu::GpuDevice},
    graph::{Graph, NodeId, ReduceKind},
    models::{Activation, Gpt, Layer, Model, Network, Norm, Positions, VisionTransformer},
    plan::{Call, Kernel, Plan, PlanOptions},
    quantisation::QuantizedNetwork,
    random::Stream,
    training::{OptimizerSpec, RecordedStep, StepSettings},
};
use shaders::KernelId;
use std::{collections::BTreeMap, rc::Rc};

/// Generated elementwise kernels that are asked; they differ in their instructions only.
const MAPS_ASKED: usize = 6;

/// What the self-test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfTest {
    /// Kernels that answered rightly.
    pub passed: u32,
    /// Kernels asked.
    pub total: u32,
    /// Kernels that did not, with what they said.
    pub failures: Vec<(String, String)>,
}

impl SelfTest {
    /// The kernel of this name answered wrongly.
    #[must_use]
    pub fn failed(&self, name: &str) -> bool {
        self.failures.iter().any(|(kernel, _)| kernel.starts_with(name))
    }
}

/// Asks every kernel that training and the INT8 network use.
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

/// One call of each kernel, from the plans of small models.
fn calls(device: &GpuDevice) -> Result<BTreeMap<String, (Call, usize)>, EngineError> {
    let mut plans = vec![];
    let options = PlanOptions::gpu(KernelId::MatmulInt8Emulated);
    for (model, optimizer) in models() {
        let settings = StepSettings {
            micro_batch_size: 3,
            gradient_accumulation_steps: 2,
            optimizer,
            dropout: if matches!(model, Model::Gpt(_)) { 0.25 } else { 0.0 },
            mixed_precision: matches!(model, Model::VisionTransformer(_)),
            ..StepSettings::default()
        };
        let step = RecordedStep::record(&model, &settings)?;
        plans.push(Plan::compile(&step.graph, &[step.model.logits], &options)?);
    }
    let (graph, outputs) = leftovers()?;
    plans.push(Plan::compile(&graph, &outputs, &options)?);
    let mut int8 = vec![KernelId::MatmulInt8Emulated];
    if device.has_packed_int8_dot {
        int8.push(KernelId::MatmulInt8);
    }
    let network = small_network();
    let weights = network.initial_weights(7);
    let quantized = QuantizedNetwork::quantize(&network, &weights, &[1.0, 2.0, 3.0]);
    for variant in int8 {
        let mut graph = Graph::new();
        let recorded = quantized.record(&mut graph, 3)?;
        plans.push(Plan::compile(&graph, &[recorded.logits], &PlanOptions::gpu(variant))?);
    }
    Ok(one_of_each(&plans))
}

fn one_of_each(plans: &[Plan]) -> BTreeMap<String, (Call, usize)> {
    let mut calls = BTreeMap::new();
    for plan in plans {
        for call in &plan.calls {
            let name = match &call.kernel {
                Kernel::Map { kernel, .. } => {
                    let number = calls.keys().filter(|name: &&String| name.starts_with("map")).count();
                    if number >= MAPS_ASKED {
                        continue;
                    }
                    format!(
                        "map of {} steps over {}",
                        kernel.program.instructions().len(),
                        kernel.accesses.len()
                    )
                }
                Kernel::Product(product) => {
                    let side = |transposed: bool| if transposed { "t" } else { "n" };
                    let form = [side(product.transpose_lhs), side(product.transpose_rhs)].concat();
                    format!("{} {form}", call.kernel.name())
                }
                other => other.name().to_owned(),
            };
            calls.entry(name).or_insert((call.clone(), plan.arena_words));
        }
    }
    calls
}

fn small_network() -> Network {
    let layers = vec![
        Layer::Conv { inputs: 1, outputs: 5 },
        Layer::Conv { inputs: 5, outputs: 6 },
        Layer::Dense { inputs: 294, outputs: 10, relu: false },
    ];
    Network { layers }
}

fn models() -> Vec<(Model, OptimizerSpec)> {
    let gpt = Gpt {
        vocab_size: 17,
        sequence_length: 9,
        num_hidden_layers: 1,
        hidden_size: 16,
        intermediate_size: 24,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        positions: Positions::Rotary,
        activation: Activation::SwiGlu,
        norm: Norm::Rms,
        tie_word_embeddings: true,
        has_bias: false,
    };
    let vit = VisionTransformer {
        patch_size: 14,
        hidden_size: 8,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        intermediate_size: 12,
    };
    vec![
        (Model::Network(small_network()), OptimizerSpec::ADAM),
        (Model::Gpt(gpt), OptimizerSpec::Adafactor { beta2: 0.99 }),
        (Model::VisionTransformer(vit), OptimizerSpec::SGD),
    ]
}

/// Operations that no model of the workbench uses yet, and that graphs may.
fn leftovers() -> Result<(Graph, Vec<NodeId>), EngineError> {
    let mut graph = Graph::new();
    let x = graph.input("x", &[5, 7]);
    let y = graph.softmax(x);
    let z = graph.log_softmax(x);
    let best = graph.reduce(ReduceKind::Max, x, 0)?;
    let loss = graph.add(y, z)?;
    let loss = graph.add(loss, best)?;
    let loss = graph.multiply(loss, loss)?;
    let loss = graph.mean(loss)?;
    let image = graph.input("image", &[2, 6, 6, 4]);
    let weight = graph.input("weight", &[3, 3, 1, 4]);
    let convolved = graph.conv2d(image, weight, [1, 1, 4])?;
    let pooled = graph.mean(convolved)?;
    let padded = graph.view(image, 64, &[4])?;
    let part = graph.mean(padded)?;
    let loss = graph.add(loss, pooled)?;
    let loss = graph.add(loss, part)?;
    let wanted = [x, image, weight];
    let gradients = crate::autodiff::gradients(&mut graph, loss, &wanted, None)?;
    let outputs = gradients.into_iter().flatten().chain([loss]).collect();
    Ok((graph, outputs))
}

/// The contents of the arena: small floats, and counters where a kernel reads integers.
fn contents(call: &Call, words: usize) -> Vec<u32> {
    let stream = Stream::new(11, 1);
    let mut arena: Vec<u32> =
        (0..words as u32).map(|index| (stream.uniform(index) * 2.0 - 1.0).to_bits()).collect();
    let Kernel::Fixed { id, .. } = call.kernel else { return arena };
    for (name, span) in id.kernel().buffers.iter().zip(&call.buffers) {
        let Some(values) = arena.get_mut(span.range()) else { continue };
        match *name {
            "labels" | "ids" => {
                values.iter_mut().zip(0_u32..).for_each(|(value, index)| *value = index * 7 % 10)
            }
            "clock" => values.fill(0),
            "flags" => values.fill(u32::MAX),
            // Row sums of exponentials are at least those of the scores.
            "lse" => values.fill(4.0_f32.to_bits()),
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

/// Equal bits, both not finite, or within 2e-5 of the larger magnitude or of 1: sums here have at most 2,352 terms of
/// magnitude 1, and sqrt(2352) * 2^-24 * 8 is 2.3e-5.
fn agree(want: u32, got: u32) -> bool {
    let (a, b) = (f32::from_bits(want), f32::from_bits(got));
    let both_wild = !a.is_finite() && !b.is_finite();
    want == got || both_wild || (a - b).abs() <= 2.4e-5 * a.abs().max(b.abs()).max(1.0)
}

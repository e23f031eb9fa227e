//! Passes keep every bit of training on the CPU backend, lower what they promise to lower, and a wrong rewriting
//! would be seen.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop where it stands"
)]

mod support;

use engine::{
    backends::Executor,
    graph::{Graph, NodeId, Op},
    models::{Gpt, Model, Positions},
    passes::{
        Pass, PassSet, Rewritten, common_subexpressions, constant_folding, dead_code, fusion, layout, reports,
    },
    plan::{Plan, PlanOptions},
    training::{OptimizerSpec, RecordedStep, Session, StepSettings, Where},
};
use pollster::block_on;
use std::rc::Rc;
use support::{Fixed, small_gpt, small_models};

const STEPS: u32 = 4;

fn settings(passes: PassSet, recompute: bool) -> StepSettings {
    StepSettings {
        micro_batch_size: 3,
        passes,
        recompute,
        dropout: 0.1,
        clip_norm: Some(1.0),
        weight_decay: 0.01,
        average_decay: Some(0.9),
        ..StepSettings::default()
    }
}

/// Bits of the losses, of the weights and of the last gradients.
fn run(model: &Model, settings: StepSettings, change: impl FnOnce(&mut RecordedStep)) -> Vec<u32> {
    let mut recorded = RecordedStep::record(model, &settings).expect("records");
    change(&mut recorded);
    let weights = recorded.layout.initial(settings.seed);
    let examples = Box::new(Fixed { model: model.clone() });
    let rate = Rc::new(|_| 1e-2);
    let mut session =
        block_on(Session::with_weights(recorded, settings, rate, examples, &weights, &Where::Cpu))
            .expect("compiles");
    let mut bits: Vec<u32> = vec![];
    let points = block_on(session.advance(STEPS)).expect("runs");
    bits.extend(points.iter().map(|point| point.loss.to_bits()));
    bits.extend(block_on(session.parameters(false)).expect("reads").into_iter().map(f32::to_bits));
    bits.extend(block_on(session.parameters(true)).expect("reads").into_iter().map(f32::to_bits));
    bits.extend(block_on(session.gradients()).expect("reads").into_iter().map(f32::to_bits));
    bits
}

#[test]
fn every_pass_alone_and_all_together_keep_every_bit() {
    for model in small_models() {
        let plain = run(&model, settings(PassSet::none(), false), |_| {});
        for pass in Pass::ALL {
            let alone = run(&model, settings(PassSet::none().with(pass, true), false), |_| {});
            assert_eq!(plain, alone, "{model:?}: {} alone", pass.id());
            let without = run(&model, settings(PassSet::all().with(pass, false), false), |_| {});
            assert_eq!(plain, without, "{model:?}: all but {}", pass.id());
        }
        assert_eq!(plain, run(&model, settings(PassSet::all(), false), |_| {}), "{model:?}: all");
        assert_eq!(plain, run(&model, settings(PassSet::none(), true), |_| {}), "{model:?}: recomputed");
        assert_eq!(plain, run(&model, settings(PassSet::all(), true), |_| {}), "{model:?}: everything");
    }
}

#[test]
fn passes_keep_every_bit_under_every_optimizer_and_with_accumulation() {
    let optimizers = [
        OptimizerSpec::SGD,
        OptimizerSpec::Lion { beta1: 0.9, beta2: 0.99 },
        OptimizerSpec::Adafactor { beta2: 0.99 },
        OptimizerSpec::Muon { momentum: 0.95 },
    ];
    let model = small_gpt(true);
    for optimizer in optimizers {
        for parts in [1, 2] {
            let with = |passes, recompute| StepSettings {
                optimizer,
                gradient_accumulation_steps: parts,
                ..settings(passes, recompute)
            };
            let plain = run(&model, with(PassSet::none(), false), |_| {});
            // A product that reads an operand transposed may sum in another order; only Muon transposes.
            let exact = PassSet::all().with(Pass::Layout, false);
            assert_eq!(plain, run(&model, with(exact, true), |_| {}), "{optimizer:?}, {parts}");
            let near = run(&model, with(PassSet::all(), true), |_| {});
            for (a, b) in plain.iter().zip(near).take(STEPS as usize) {
                let (a, b) = (f32::from_bits(*a), f32::from_bits(b));
                assert!((a - b).abs() < 1e-4 * a.abs(), "{optimizer:?}: {a} {b}");
            }
        }
    }
}

#[test]
fn mixed_precision_survives_the_passes() {
    let model = small_gpt(false);
    let mixed = |passes| StepSettings { mixed_precision: true, ..settings(passes, false) };
    let plain = run(&model, mixed(PassSet::none()), |_| {});
    assert_eq!(plain, run(&model, mixed(PassSet::all()), |_| {}));
    assert_ne!(plain, run(&model, settings(PassSet::none(), false), |_| {}), "rounding shows");
}

/// The comparison that the passes are held to sees a single wrong rewriting: a reader that is led to another value
/// of the same shape, and an elementwise program with two inputs in the wrong order.
#[test]
fn a_wrong_rewriting_is_seen() {
    let model = small_gpt(false);
    let plain = run(&model, settings(PassSet::all(), false), |_| {});
    let mut tried = 0;
    for victim in 0..400 {
        let mut applied = false;
        let bits = run(&model, settings(PassSet::all(), false), |step| {
            step.rewrite(|graph, _| {
                let (wrong, changed) = swapped_operands(graph, victim);
                applied = changed;
                wrong
            });
        });
        if applied {
            tried += 1;
            assert_ne!(plain, bits, "swapping the operands of node {victim} changed nothing");
        } else {
            assert_eq!(plain, bits, "a rewriting that changes nothing changed something");
        }
        if tried == 5 {
            return;
        }
    }
    panic!("only {tried} nodes could be spoiled");
}

/// A correct copy but for one node whose first two inputs, of one shape, are swapped; says whether there is such.
fn swapped_operands(graph: &Graph, victim: usize) -> (Rewritten, bool) {
    let mut out = Graph::new();
    let mut changed = false;
    for (id, node) in graph.ids().zip(graph.nodes()) {
        let mut node = node.clone();
        let asymmetric = matches!(node.op, Op::MatMul { .. } | Op::SoftmaxGrad | Op::NormalizeGrad { .. })
            || matches!(&node.op, Op::Map(program) if program.operations() > 3.0);
        let wide = matches!(node.inputs.as_slice(), [a, b, ..]
            if graph.elements(*a) > 1 && graph.shape(*a) == graph.shape(*b));
        if graph.ids().position(|other| other == id) == Some(victim) && asymmetric && wide {
            node.inputs.swap(0, 1);
            changed = true;
        }
        out.push_node(node);
    }
    (Rewritten { graph: out, moved: graph.ids().map(Some).collect() }, changed)
}

fn deep_gpt() -> Model {
    let Model::Gpt(small) = small_gpt(false) else { panic!("a GPT") };
    Model::Gpt(Gpt {
        num_hidden_layers: 4,
        sequence_length: 32,
        hidden_size: 32,
        intermediate_size: 128,
        ..small
    })
}

#[test]
fn recomputation_lowers_the_arena_and_keeps_the_gradients() {
    let model = deep_gpt();
    let words = |recompute| {
        let settings = StepSettings { micro_batch_size: 16, ..settings(PassSet::all(), recompute) };
        let step = RecordedStep::record(&model, &settings).expect("records");
        let plan = Plan::compile(&step.graph, &[step.model.logits], &PlanOptions::cpu()).expect("compiles");
        (plan.arena_words - plan.state_words, plan.flops())
    };
    let ((kept, kept_flops), (again, again_flops)) = (words(false), words(true));
    println!(
        "temporaries: kept {kept} words, {kept_flops:e} flops; again {again} words, {again_flops:e} flops"
    );
    assert!(again * 10 < kept * 7, "{again} of {kept} words");
    assert!(again_flops > kept_flops && again_flops < 1.34 * kept_flops, "{again_flops} of {kept_flops}");
    assert_eq!(
        run(&model, settings(PassSet::all(), false), |_| {}),
        run(&model, settings(PassSet::all(), true), |_| {})
    );
}

#[test]
fn reports_say_what_each_pass_gained() {
    let settings = settings(PassSet::all(), true);
    let found = reports(&deep_gpt(), &settings, &PlanOptions::cpu()).expect("compiles");
    let ids: Vec<&str> = found.iter().map(|report| report.id).collect();
    let expected: Vec<&str> = Pass::ALL.iter().map(|pass| pass.id()).chain(["recomputation"]).collect();
    assert_eq!(ids, expected);
    for report in &found {
        println!("{:22} {:?}\n{:22} {:?}", report.id, report.before, "", report.after);
    }
    let gain = |id: &str| found.iter().find(|report| report.id == id).expect("reported");
    let fusion = gain("fusion");
    assert!(fusion.after.calls < fusion.before.calls && fusion.after.bytes < fusion.before.bytes);
    let epilogues = gain("epilogues");
    assert!(epilogues.after.calls < epilogues.before.calls);
    let packing = gain("arena_packing");
    assert!(packing.after.arena_bytes < packing.before.arena_bytes);
    // The rotary tables of all blocks are one.
    let Model::Gpt(small) = deep_gpt() else { panic!("a GPT") };
    let rotary = Model::Gpt(Gpt { positions: Positions::Rotary, ..small });
    let rotary = reports(&rotary, &settings, &PlanOptions::cpu()).expect("compiles");
    let common = rotary.iter().find(|report| report.id == "common_subexpressions").expect("reported");
    assert!(common.after.nodes < common.before.nodes);
    let recomputed = gain("recomputation");
    assert!(recomputed.after.arena_bytes < recomputed.before.arena_bytes);
}

/// Values of `outputs` after one run.
fn values(graph: &Graph, outputs: &[NodeId], inputs: &[(NodeId, Vec<f32>)]) -> Vec<Vec<f32>> {
    let plan = Rc::new(Plan::compile(graph, outputs, &PlanOptions::cpu()).expect("compiles"));
    let mut executor = Executor::cpu(Rc::clone(&plan));
    for (node, words) in inputs {
        let words: Vec<u32> = words.iter().map(|value| value.to_bits()).collect();
        executor.write(plan.span(*node).expect("placed"), &words).expect("fits");
    }
    block_on(executor.run()).expect("runs");
    let read = |node: &NodeId| block_on(executor.read_f32(plan.span(*node).expect("placed"))).expect("reads");
    outputs.iter().map(read).collect()
}

fn count(graph: &Graph, is: impl Fn(&Op) -> bool) -> usize {
    graph.nodes().iter().filter(|node| is(&node.op)).count()
}

#[test]
fn layout_moves_transposes_into_products_and_drops_those_that_cancel() {
    let mut graph = Graph::new();
    let a = graph.input("a", &[3, 5]);
    let b = graph.input("b", &[2, 3, 4]);
    let turned = graph.permute(a, &[1, 0]).expect("fits");
    let slices = graph.permute(b, &[0, 2, 1]).expect("fits");
    let back = graph.permute(slices, &[0, 2, 1]).expect("fits");
    let first = graph.matmul(turned, turned, true, false).expect("fits");
    let second = graph.matmul(slices, b, false, false).expect("fits");
    let third = graph.matmul(back, slices, false, false).expect("fits");
    // Another order of axes is no transpose of the last two.
    let cycled = graph.permute(b, &[1, 2, 0]).expect("fits");
    let fourth = graph.matmul(cycled, cycled, true, false).expect("fits");
    let outputs = [first, second, third, fourth];
    let numbers = |count: usize| (0..count).map(|index| (index as f32 * 0.37).sin()).collect::<Vec<f32>>();
    let inputs = [(a, numbers(15)), (b, numbers(24))];
    let expected = values(&graph, &outputs, &inputs);
    let moved = layout(&graph, &[a, b, first, second, third, fourth]);
    let swept = dead_code(&moved.graph, &outputs.map(|id| moved.id(id)));
    assert_eq!(count(&swept.graph, |op| matches!(op, Op::Gather(_))), 1, "only the cycle is a copy");
    let id = |old: NodeId| swept.id(moved.id(old));
    let inputs = inputs.map(|(node, words)| (id(node), words));
    let found = values(&swept.graph, &outputs.map(id), &inputs);
    for (expected, found) in expected.iter().flatten().zip(found.iter().flatten()) {
        assert!((expected - found).abs() < 1e-5, "{expected} {found}");
    }
}

#[test]
fn constants_are_computed_ahead() {
    let mut graph = Graph::new();
    let x = graph.input("x", &[2, 3]);
    let table = graph.constant("table", &[3], &[1.0, -2.0, 3.0]);
    let squared = graph.multiply(table, table).expect("fits");
    let half = graph.constant("half", &[1], &[0.5]);
    let zero = graph.constant("zero", &[1], &[0.0]);
    let scaled = graph.multiply(squared, half).expect("fits");
    let y = graph.add(x, scaled).expect("fits");
    let y = graph.multiply(y, half).expect("fits");
    let y = graph.add(y, zero).expect("fits");
    let numbers = vec![1.0, -2.0, -4.5, -0.5, 0.25, -0.0];
    let expected = values(&graph, &[y], &[(x, numbers.clone())]);
    let folded = constant_folding(&graph, &[x, y]);
    let swept = dead_code(&folded.graph, &[folded.id(x), folded.id(y)]);
    let id = |old: NodeId| swept.id(folded.id(old));
    let found = values(&swept.graph, &[id(y)], &[(id(x), numbers)]);
    let bits = |values: &[Vec<f32>]| values.iter().flatten().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&expected), bits(&found), "a sum with +0 keeps its sign rule");
    assert_eq!(count(&swept.graph, |op| matches!(op, Op::Constant(_))), 2, "the folded row and the zero");
    assert_eq!(count(&swept.graph, |op| matches!(op, Op::Map(_))), 3);
}

/// `a = s + 1` before and `b = s + 1` after a write to s are different values.
#[test]
fn reads_on_both_sides_of_a_write_stay_apart() {
    let mut graph = Graph::new();
    let state = graph.state("s", &[4]);
    let x = graph.input("x", &[4]);
    let one = graph.constant("one", &[1], &[1.0]);
    let before = graph.add(state, one).expect("fits");
    let twin = graph.add(state, one).expect("fits");
    let doubled = graph.add(x, x).expect("fits");
    graph.store(state, 0, doubled);
    let after = graph.add(state, one).expect("fits");
    let total = graph.add(before, twin).expect("fits");
    let all = graph.multiply(total, after).expect("fits");
    let numbers = vec![1.0, 2.0, 3.0, 4.0];
    let expected = values(&graph, &[all], &[(x, numbers.clone())]);
    assert_eq!(expected, [[6.0, 10.0, 14.0, 18.0]]);
    for passes in [
        vec![common_subexpressions as fn(&Graph, &[NodeId]) -> Rewritten],
        vec![fusion],
        vec![common_subexpressions, fusion],
    ] {
        let mut keep = vec![x, all];
        let mut current = graph.clone();
        for pass in passes {
            let rewritten = pass(&current, &keep);
            keep = keep.iter().map(|id| rewritten.id(*id)).collect();
            current = rewritten.graph;
        }
        assert_eq!(expected, values(&current, &[keep[1]], &[(keep[0], numbers.clone())]));
    }
    let merged = common_subexpressions(&graph, &[x, all]);
    assert_eq!(merged.id(before), merged.id(twin));
    assert_ne!(merged.id(before), merged.id(after));
}

#[test]
fn names_of_passes_are_unique_and_switch_what_they_say() {
    let ids: std::collections::BTreeSet<&str> = Pass::ALL.iter().map(|pass| pass.id()).collect();
    assert_eq!(ids.len(), Pass::ALL.len());
    for pass in Pass::ALL {
        assert!(PassSet::all().has(pass) && !PassSet::none().has(pass));
        let one = PassSet::none().with(pass, true);
        assert_eq!(Pass::ALL.into_iter().filter(|other| one.has(*other)).collect::<Vec<_>>(), [pass]);
        assert!(!pass.title().is_empty());
    }
}

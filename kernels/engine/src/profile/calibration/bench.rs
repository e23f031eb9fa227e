//! The small plans of a calibration: products of several forms, row kernels, movements, convolutions, attention,
//! elementwise programs of each class of instruction, and a chain of calls that do next to nothing.

use super::{Calibration, OPERATIONS, Sample, Workload};
use crate::{
    EngineError, autodiff,
    backends::{Executor, cpu::map::BLOCK},
    graph::{Graph, NodeId, Op, ReduceKind},
    plan::{Call, Kernel, Plan},
    platform::now_seconds,
    profile::median,
    random::Stream,
    training::Where,
};
use shaders::program::{Binary, Program, Unary};
use std::rc::Rc;

/// Seconds for all small plans together.
const BUDGET_SECONDS: f64 = 0.9;
/// Rounds over all plans: the best of each call is taken, so that other work on the machine spoils none.
const LEAST_ROUNDS: usize = 6;
const MOST_ROUNDS: usize = 60;
/// Where a round is so slow, one look has to do.
const HOPELESS_SECONDS: f64 = 4.0;
/// Calls that do next to nothing.
const IDLE_CALLS: usize = 256;

/// Measures a backend.
///
/// # Errors
/// A lost device, a refused shader.
pub async fn calibrate(place: &Where) -> Result<Calibration, EngineError> {
    let is_gpu = place.options().is_gpu;
    let mut found = Calibration {
        call_seconds: idle_seconds(place).await?,
        overlaps: is_gpu,
        granule: if is_gpu { 1 } else { BLOCK },
        samples: vec![],
    };
    let plans = [
        elementwise()?,
        products()?,
        convolutions()?,
        attention()?,
        rows(64, 16)?,
        rows(256, 64)?,
        rows(768, 192)?,
    ];
    let mut timed = measure(&plans, place).await?;
    let programs: Vec<(Call, f64)> = if timed.is_empty() { vec![] } else { timed.remove(0) };
    for (call, seconds) in timed.into_iter().flatten() {
        if matches!(call.kernel, Kernel::Map { .. }) {
            continue;
        }
        let Workload { class, at, work } = Workload::of(&call);
        let net = net(seconds, found.call_seconds);
        if net > 0.0 {
            found.samples.push(Sample { class, at, rate: work / net });
        }
    }
    instruction_rates(&programs, &mut found);
    Ok(found)
}

/// A call's time without what starting it costs.
fn net(seconds: f64, call_seconds: f64) -> f64 {
    (seconds - call_seconds).max(0.3 * seconds)
}

/// Elements of the programs that are told apart by their instructions.
const LENGTH: usize = 1 << 13;
/// Instructions of each.
const CHAIN: usize = 12;
/// Sizes of copies, as powers of two; the last is the length of the other programs.
const COPIES: [usize; 7] = [8, 11, 15, 17, 18, 19, 13];

/// Copies of several sizes, then a program of each class of instructions.
fn elementwise() -> Result<Bench, EngineError> {
    let mut bench = Bench::default();
    for exponent in COPIES {
        bench.map(1 << exponent, &chain(None, 0))?;
    }
    for class in OPERATIONS {
        bench.map(LENGTH, &chain(Some(class), CHAIN))?;
    }
    Ok(bench)
}

/// Copies give the bandwidth by working set; longer programs give what an instruction adds.
fn instruction_rates(timed: &[(Call, f64)], found: &mut Calibration) {
    let (mut copy_seconds, mut cheap_seconds) = (0.0, 0.0);
    for (number, (call, seconds)) in timed.iter().enumerate() {
        let Kernel::Map { elements, .. } = call.kernel else { continue };
        let seconds = net(*seconds, found.call_seconds);
        let Some(class) = number.checked_sub(COPIES.len()) else {
            let bytes = elements as f64 * 8.0;
            let at = [bytes.log2(), 0.0, 0.0];
            found.samples.push(Sample { class: "bytes".into(), at, rate: bytes / seconds });
            copy_seconds = seconds;
            continue;
        };
        let class = OPERATIONS.get(class).copied().unwrap_or("op.cheap");
        // Constants are only seen beside what reads them.
        let beside = if class == "op.fill" { cheap_seconds } else { 0.0 };
        let added = (seconds - copy_seconds - beside).max(0.02 * seconds);
        if class == "op.cheap" {
            cheap_seconds = added;
        }
        let rate = (elements * CHAIN) as f64 / added;
        found.samples.push(Sample { class: class.to_owned(), at: [0.0; 3], rate });
    }
}

/// A program of `length` instructions of one class, each on the result of the one before.
fn chain(class: Option<&str>, length: usize) -> Program {
    let mut program = Program::new();
    let x = program.input(0);
    let mut value = x;
    for step in 0..length {
        value = match class {
            Some("op.fill") => {
                let constant = program.constant(step as f32 + 0.5);
                program.binary(Binary::Subtract, constant, value)
            }
            Some("op.compare") => program.binary(Binary::Maximum, x, value),
            Some("op.select") => {
                let other = program.constant(0.5);
                program.select(value, other, x)
            }
            Some("op.slow") => program.binary(Binary::Divide, x, value),
            Some("op.exp") => program.unary(Unary::Exp, value),
            Some("op.log") => program.unary(Unary::Log, value),
            Some("op.tanh") => program.unary(Unary::Tanh, value),
            Some("op.sigmoid") => program.unary(Unary::Sigmoid, value),
            Some("op.rare") => program.unary(Unary::Cos, value),
            _ => program.binary(Binary::Subtract, x, value),
        };
        // Keeps exponentials and logarithms in range; one cheap instruction beside a dear one.
        if matches!(class, Some("op.exp" | "op.log")) {
            let function = if class == Some("op.exp") { Unary::Negate } else { Unary::Abs };
            value = program.unary(function, value);
        }
    }
    program.output(value);
    program
}

/// Seconds a call of a chain of calls over 64 elements each.
async fn idle_seconds(place: &Where) -> Result<f64, EngineError> {
    let mut bench = Bench::default();
    let mut x = bench.graph.input("x", &[64]);
    for _ in 0..IDLE_CALLS {
        x = bench.graph.scale(x, 1.0001);
    }
    bench.outputs.push(x);
    let mut executor = bench.executor(place).await?;
    let last = executor.plan().span(x)?;
    let (mut empty, mut full) = (vec![], vec![]);
    for _ in 0..12 {
        let begin = now_seconds();
        executor.read(last).await?;
        let middle = now_seconds();
        executor.run_phase(0).await?;
        executor.read(last).await?;
        empty.push(middle - begin);
        full.push(now_seconds() - middle);
    }
    Ok((median(&full) - median(&empty)).max(0.0) / IDLE_CALLS as f64)
}

/// A graph to measure, with the inputs that hold ids below a bound.
#[derive(Default)]
struct Bench {
    graph: Graph,
    outputs: Vec<NodeId>,
    ids: Vec<(NodeId, u32)>,
}

impl Bench {
    fn map(&mut self, elements: usize, program: &Program) -> Result<(), EngineError> {
        let x = self.graph.input("x", &[elements]);
        let y = self.graph.map("bench", &[x], program)?;
        self.outputs.push(y);
        Ok(())
    }

    fn product(&mut self, [m, n, k]: [usize; 3], [left, right]: [bool; 2]) -> Result<(), EngineError> {
        let lhs = self.graph.input("lhs", &if left { [k, m] } else { [m, k] });
        let rhs = self.graph.input("rhs", &if right { [n, k] } else { [k, n] });
        let y = self.graph.matmul(lhs, rhs, left, right)?;
        self.outputs.push(y);
        Ok(())
    }

    /// Adds the gradients of the mean of all outputs, so that backward kernels are measured too.
    fn differentiate(&mut self, wanted: &[NodeId]) -> Result<(), EngineError> {
        let mut loss: Option<NodeId> = None;
        for output in self.outputs.clone() {
            let mean = self.graph.mean(output)?;
            loss = Some(match loss {
                Some(sum) => self.graph.add(sum, mean)?,
                None => mean,
            });
        }
        if let Some(loss) = loss {
            let loss = self.graph.reshape(loss, &[1])?;
            let found = autodiff::gradients(&mut self.graph, loss, wanted, None)?;
            self.outputs.extend(found.into_iter().flatten());
        }
        Ok(())
    }

    async fn executor(&self, place: &Where) -> Result<Executor, EngineError> {
        let plan = Rc::new(Plan::compile(&self.graph, &self.outputs, &place.options())?);
        let mut executor = place.executor(Rc::clone(&plan)).await?;
        for (id, node) in self.graph.ids().zip(self.graph.nodes()) {
            let (Op::Input, Ok(span)) = (&node.op, plan.span(id)) else { continue };
            let stream = Stream::new(1, id.index() as u32);
            let bound = self.ids.iter().find(|(other, _)| *other == id).map(|(_, bound)| *bound);
            let word = |index: u32| match bound {
                Some(bound) => stream.bits(index) % bound,
                None => (stream.uniform(index) + 0.25).to_bits(),
            };
            let words: Vec<u32> = (0..span.words as u32).map(word).collect();
            executor.write(span, &words)?;
        }
        Ok(executor)
    }
}

/// Seconds of each call of each plan, in rounds over all plans: the best of many runs, or their mean where the clock is
/// too coarse to tell runs apart.
async fn measure(plans: &[Bench], place: &Where) -> Result<Vec<Vec<(Call, f64)>>, EngineError> {
    let mut executors = Vec::with_capacity(plans.len());
    for plan in plans {
        let mut executor = plan.executor(place).await?;
        executor.run_phase(0).await?;
        executors.push(executor);
    }
    let mut runs: Vec<Vec<Vec<f64>>> = vec![vec![]; plans.len()];
    let begin = now_seconds();
    for round in 0..MOST_ROUNDS {
        let limit = if round < LEAST_ROUNDS { HOPELESS_SECONDS } else { BUDGET_SECONDS };
        if round > 0 && now_seconds() - begin > limit {
            break;
        }
        for (executor, runs) in executors.iter_mut().zip(&mut runs) {
            runs.push(executor.profile_phase(0).await?);
        }
    }
    let tick = tick_seconds();
    let best_of = |runs: &[Vec<f64>], number: usize| {
        let times: Vec<f64> = runs.iter().filter_map(|run| run.get(number).copied()).collect();
        let best = times.iter().copied().fold(f64::INFINITY, f64::min);
        let mean = times.iter().sum::<f64>() / times.len().max(1) as f64;
        if best > 20.0 * tick { best } else { mean }
    };
    let plans = executors.iter().zip(&runs).map(|(executor, runs)| {
        let calls = executor.plan().calls.iter().enumerate();
        calls.map(|(number, call)| (call.clone(), best_of(runs, number))).collect()
    });
    Ok(plans.collect())
}

/// The smallest step of the clock: browsers make it coarse.
fn tick_seconds() -> f64 {
    let mut smallest = f64::INFINITY;
    let begin = now_seconds();
    let mut last = begin;
    for _ in 0..200_000 {
        let now = now_seconds();
        if now > last {
            smallest = smallest.min(now - last);
            last = now;
        }
        if now - begin > 0.002 {
            break;
        }
    }
    smallest
}

fn products() -> Result<Bench, EngineError> {
    const PLAIN: [[usize; 3]; 11] = [
        [64, 64, 64],
        [256, 256, 256],
        [32, 10, 128],
        [512, 13, 64],
        [2048, 16, 72],
        [6272, 8, 9],
        [1, 512, 512],
        [32, 128, 784],
        [512, 64, 256],
        [512, 192, 64],
        [256, 32, 32],
    ];
    const RIGHT: [[usize; 3]; 7] = [
        [256, 32, 32],
        [64, 64, 64],
        [256, 256, 256],
        [32, 784, 128],
        [2048, 72, 16],
        [512, 64, 192],
        [32, 128, 10],
    ];
    const LEFT: [[usize; 3]; 8] = [
        [32, 32, 256],
        [64, 64, 64],
        [256, 256, 256],
        [784, 128, 32],
        [72, 16, 2048],
        [9, 8, 6272],
        [64, 192, 512],
        [128, 10, 32],
    ];
    let mut bench = Bench::default();
    let forms: [(&[[usize; 3]], [bool; 2]); 3] =
        [(&PLAIN, [false, false]), (&RIGHT, [false, true]), (&LEFT, [true, false])];
    for (sizes, form) in forms {
        for size in sizes {
            bench.product(*size, form)?;
        }
    }
    Ok(bench)
}

fn convolutions() -> Result<Bench, EngineError> {
    let mut bench = Bench::default();
    let mut wanted = vec![];
    for [batch, side, inputs, outputs] in [[8, 28, 1, 8], [8, 14, 8, 16], [4, 14, 16, 16]] {
        let image = bench.graph.input("image", &[batch, side, side, inputs]);
        let weight = bench.graph.input("weight", &[3, 3, inputs, outputs]);
        let y = bench.graph.conv2d(image, weight, [1, 1, 1])?;
        let pooled = bench.graph.max_pool(y, 2)?;
        bench.outputs.push(pooled);
        wanted.extend([image, weight]);
    }
    bench.differentiate(&wanted)?;
    Ok(bench)
}

fn attention() -> Result<Bench, EngineError> {
    let mut bench = Bench::default();
    let mut wanted = vec![];
    for ([batch, length, heads, head_dim], causal) in
        [([4, 16, 2, 8], false), ([2, 64, 4, 16], true), ([1, 128, 4, 32], true), ([4, 49, 4, 16], false)]
    {
        let part = |bench: &mut Bench, name: &str| bench.graph.input(name, &[batch, length, heads, head_dim]);
        let [q, k, v] = ["q", "k", "v"].map(|name| part(&mut bench, name));
        let y = bench.graph.attention(q, k, v, causal)?;
        bench.outputs.push(y);
        wanted.extend([q, k, v]);
    }
    bench.differentiate(&wanted)?;
    Ok(bench)
}

/// Kernels over rows, movements and reductions of one size.
fn rows(rows: usize, columns: usize) -> Result<Bench, EngineError> {
    let mut bench = Bench::default();
    let graph = &mut bench.graph;
    let x = graph.input("x", &[rows, columns]);
    let table = graph.input("table", &[64, columns]);
    let clock = graph.input("clock", &[2]);
    let [ids, labels] = ["ids", "labels"].map(|name| graph.input(name, &[rows]));
    let heads = graph.reshape(x, &[1, rows, 4, columns / 4])?;
    let turned = graph.permute(x, &[1, 0])?;
    let outputs = vec![
        graph.layer_normalize(x, 1e-5),
        graph.rms_normalize(x, 1e-5),
        graph.softmax(x),
        graph.log_softmax(x),
        graph.cross_entropy(x, labels, 0.0)?,
        graph.dropout(x, clock, 0.1, [1, 2]),
        graph.through_f16(x),
        graph.slice(x, 1, 0, columns / 2)?,
        graph.gather_rows(table, ids)?,
        graph.rope(heads, 10_000.0)?,
        graph.reduce(ReduceKind::Sum, x, 0)?,
        graph.reduce(ReduceKind::Sum, x, 1)?,
        graph.reduce(ReduceKind::Max, x, 1)?,
        turned,
    ];
    let matched = graph.top_match(x, labels)?;
    let squares = graph.sum_squares(x);
    let flags = graph.state("flags", &[1]);
    graph.push(Op::FirstNonFinite, vec![x, flags], vec![], "first_non_finite");
    bench.outputs = outputs;
    bench.ids = vec![(ids, 64), (labels, columns as u32)];
    bench.differentiate(&[x, table])?;
    bench.outputs.extend([matched, squares]);
    Ok(bench)
}

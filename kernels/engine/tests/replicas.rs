//! Replicas against one large batch, whatever the timing; buckets, shares, overlap.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]

use engine::{
    models::{Activation, Gpt, Layer, Model, Network, Norm, ParameterLayout, Positions, ToyNetwork},
    random::Stream,
    training::{
        Examples, OptimizerSpec, RateOfStep, Session, StepSettings, Where,
        parallel::{
            Channel, ReplicaSession, ReplicaSettings, RingMessage, Turn, bucket_ranges, chunk_range, share,
        },
    },
};
use pollster::block_on;
use std::{cell::RefCell, collections::VecDeque, rc::Rc};

#[test]
fn buckets_and_shares_cover_everything_once() {
    let layout = ParameterLayout::of(cnn().parameters());
    for most in [1, 50, 1000, usize::MAX / 2] {
        let ranges = bucket_ranges(&layout, most);
        let mut end = 0;
        for range in &ranges {
            assert_eq!(range.start, end);
            assert!(!range.is_empty() && range.len() <= most);
            end = range.end;
        }
        assert_eq!(end, layout.words);
        assert!(ranges.iter().any(|range| range.end == layout.decaying_words), "biases apart");
    }
    for ranks in 1..=16 {
        let lengths = (0..ranks).map(|rank| share(37, ranks, rank).len());
        assert_eq!(lengths.sum::<usize>(), 37);
        let chunks = (0..ranks).map(|chunk| chunk_range(5, ranks, chunk).len());
        assert_eq!(chunks.sum::<usize>(), 5);
    }
}

#[derive(Debug)]
enum Random {
    Values { words: usize, classes: u32 },
    Tokens { length: usize, vocabulary: u32 },
}

impl Examples for Random {
    fn fill(&mut self, number: u64, batch: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
        let stream = Stream::new(3, 500 + number as u32);
        match *self {
            Self::Values { words, classes } => {
                examples.extend((0..(batch * words) as u32).map(|index| stream.uniform(index).to_bits()));
                labels.extend((0..batch as u32).map(|index| stream.bits(1 << 20 | index) % classes));
            }
            Self::Tokens { length, vocabulary } => {
                let ids = |from: u32| from..from + (batch * length) as u32;
                examples.extend(ids(0).map(|index| stream.bits(index) % vocabulary));
                labels.extend(ids(1 << 20).map(|index| stream.bits(index) % vocabulary));
            }
        }
    }

    fn batches_per_epoch(&self, _: usize) -> u32 {
        100
    }
}

fn cnn() -> Model {
    Model::Network(Network {
        layers: vec![
            Layer::Conv { inputs: 1, outputs: 4 },
            Layer::Conv { inputs: 4, outputs: 6 },
            Layer::Dense { inputs: 294, outputs: 10, relu: false },
        ],
    })
}

fn mlp() -> Model {
    Model::Network(Network {
        layers: vec![
            Layer::Dense { inputs: 784, outputs: 40, relu: true },
            Layer::Dense { inputs: 40, outputs: 24, relu: true },
            Layer::Dense { inputs: 24, outputs: 10, relu: false },
        ],
    })
}

fn gpt() -> Model {
    Model::Gpt(Gpt {
        vocab_size: 31,
        sequence_length: 12,
        num_hidden_layers: 2,
        hidden_size: 24,
        intermediate_size: 48,
        num_attention_heads: 3,
        num_key_value_heads: 3,
        positions: Positions::Rotary,
        activation: Activation::Gelu,
        norm: Norm::Layer,
        tie_word_embeddings: true,
        has_bias: true,
    })
}

fn examples_of(model: &Model) -> Box<dyn Examples> {
    Box::new(match model {
        Model::Toy(toy) => Random::Values { words: 2, classes: toy.classes as u32 },
        Model::Gpt(gpt) => Random::Tokens { length: gpt.sequence_length, vocabulary: gpt.vocab_size as u32 },
        _ => Random::Values { words: 784, classes: 10 },
    })
}

/// Queues between neighbours, in one process.
struct Port {
    next: Rc<RefCell<VecDeque<RingMessage>>>,
    previous: Rc<RefCell<VecDeque<RingMessage>>>,
}

impl Channel for Port {
    fn send(&mut self, message: RingMessage) {
        self.next.borrow_mut().push_back(message);
    }

    fn receive(&mut self) -> Option<RingMessage> {
        self.previous.borrow_mut().pop_front()
    }
}

struct Fleet {
    replicas: Vec<ReplicaSession>,
    ports: Vec<Port>,
    /// Buckets that were on their way while some rank still computed.
    overlapped: usize,
    /// Seconds of the exchange that steps report as hidden, over all ranks.
    hidden_seconds: f64,
}

impl Fleet {
    fn new(model: &Model, settings: StepSettings, ranks: usize, global: usize, overlap: bool) -> Self {
        let queues: Vec<Rc<RefCell<VecDeque<RingMessage>>>> = (0..ranks).map(|_| Rc::default()).collect();
        let ports = (0..ranks).map(|rank| Port {
            next: Rc::clone(&queues[(rank + 1) % ranks]),
            previous: Rc::clone(&queues[rank]),
        });
        let replicas = (0..ranks).map(|rank| {
            let place =
                ReplicaSettings { rank, ranks, global_batch_size: global, bucket_words: 700, overlap };
            let made = ReplicaSession::new(model, settings, place, rate(), examples_of(model), &Where::Cpu);
            block_on(made).expect("small")
        });
        Self { replicas: replicas.collect(), ports: ports.collect(), overlapped: 0, hidden_seconds: 0.0 }
    }

    /// One step of all, ranks taking turns in an order that follows from `seed`.
    fn step(&mut self, seed: u32) {
        let stream = Stream::new(seed, 99);
        let mut left: Vec<usize> = (0..self.replicas.len()).collect();
        let mut computing = true;
        for turn in 0.. {
            if left.is_empty() {
                break;
            }
            assert!(turn < 1_000_000, "the replicas do not end");
            let slot = stream.bits(turn) as usize % left.len();
            let rank = left[slot];
            if computing && self.ports.iter().any(|port| !port.next.borrow().is_empty()) {
                self.overlapped += 1;
            }
            match block_on(self.replicas[rank].turn(&mut self.ports[rank])).expect("a sound step") {
                Turn::Finished(_, times) => {
                    assert!(times.compute_seconds > 0.0 && times.compute_seconds <= times.step_seconds);
                    assert!(times.exposed_seconds <= times.step_seconds);
                    self.hidden_seconds += times.overlapped_seconds();
                    left.remove(slot);
                }
                Turn::Waiting => computing = false,
                Turn::Worked => {}
            }
        }
    }

    fn weights(&mut self) -> Vec<Vec<f32>> {
        let all = self.replicas.iter_mut();
        all.map(|replica| block_on(replica.session().parameters(false)).expect("on the CPU")).collect()
    }
}

fn rate() -> RateOfStep {
    Rc::new(|step| 0.05 / f64::from(1 + step / 10))
}

fn difference(a: &[f32], b: &[f32]) -> f64 {
    let norm = |pairs: &mut dyn Iterator<Item = f64>| pairs.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)))
        / norm(&mut b.iter().map(|b| f64::from(*b)))
}

fn check_replicas(model: &Model, ranks: usize, global: usize) {
    let settings = StepSettings {
        micro_batch_size: global,
        optimizer: OptimizerSpec::SGD,
        clip_norm: Some(1.0),
        weight_decay: 0.01,
        seed: 4,
        ..StepSettings::default()
    };
    let single = Session::new(model, settings, rate(), examples_of(model), &Where::Cpu);
    let mut single = block_on(single).expect("small");
    let mut fleet = Fleet::new(model, settings, ranks, global, true);
    for step in 0..20 {
        block_on(single.advance(1)).expect("finite");
        fleet.step(step);
        if step == 0 {
            let large = block_on(single.gradients()).expect("on the CPU");
            for replica in &mut fleet.replicas {
                let own = block_on(replica.session().gradients()).expect("on the CPU");
                let off = difference(&own, &large);
                assert!(off <= 1e-5, "gradients of {ranks} ranks are {off:e} off");
            }
        }
    }
    let weights = fleet.weights();
    for own in &weights {
        assert_eq!(bytemuck_bits(own), bytemuck_bits(&weights[0]), "all ranks hold the same bits");
    }
    let large = block_on(single.parameters(false)).expect("on the CPU");
    let off = difference(&weights[0], &large);
    assert!(off <= 1e-5, "weights of {ranks} ranks are {off:e} off after 20 steps");
    if ranks > 1 {
        assert!(fleet.overlapped > 0, "no bucket travels before the backward pass is done");
    }
}

fn bytemuck_bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn replicas_train_as_one_large_batch() {
    for (ranks, global) in [(1, 8), (2, 8), (3, 11), (4, 16), (8, 17)] {
        check_replicas(&mlp(), ranks, global);
        check_replicas(&gpt(), ranks, global);
    }
    check_replicas(&cnn(), 4, 10);
    check_replicas(&Model::Toy(ToyNetwork { width: 9, layers: 2, classes: 3 }), 8, 29);
}

/// The weights of rank 0 after a few steps, how many turns found something on its way, and what was hidden.
fn trained(overlap: bool, seed: u32) -> (Vec<u32>, usize, f64) {
    let settings = StepSettings { seed: 4, ..StepSettings::default() };
    let mut fleet = Fleet::new(&gpt(), settings, 3, 7, overlap);
    (0..4).for_each(|step| fleet.step(seed + step));
    (bytemuck_bits(&fleet.weights()[0]), fleet.overlapped, fleet.hidden_seconds)
}

#[test]
fn neither_timing_nor_overlap_changes_a_bit_of_the_weights() {
    let (first, overlapped, hidden_seconds) = trained(true, 0);
    assert!(overlapped > 0 && hidden_seconds > 0.0);
    for seed in 1..4 {
        assert_eq!(trained(true, seed * 50).0, first);
    }
    let (late, _, hidden_seconds) = trained(false, 9);
    assert_eq!(late, first);
    assert!(hidden_seconds <= 0.0, "{hidden_seconds} s are hidden behind nothing");
}

#[test]
fn without_overlap_every_bucket_waits_for_the_end_of_the_backward_pass() {
    let settings = StepSettings { seed: 4, ..StepSettings::default() };
    let mut fleet = Fleet::new(&gpt(), settings, 2, 4, false);
    let end = fleet.replicas[0].session().plan().phases[0].end;
    assert!(fleet.replicas[0].buckets().iter().all(|bucket| bucket.ready == end));
    let mut port = Port { next: Rc::default(), previous: Rc::default() };
    loop {
        match block_on(fleet.replicas[0].turn(&mut port)).expect("a sound step") {
            Turn::Worked => {}
            Turn::Waiting => break,
            Turn::Finished(..) => panic!("nobody answered"),
        }
    }
    assert_eq!(port.next.borrow().len(), fleet.replicas[0].buckets().len(), "one chunk of each bucket");
}

#[test]
fn gradients_of_the_last_layer_are_ready_first() {
    let settings = StepSettings { seed: 4, ..StepSettings::default() };
    let mut fleet = Fleet::new(&mlp(), settings, 2, 8, true);
    let end = fleet.replicas[0].session().plan().phases[0].end;
    let weights = fleet.replicas[0].session().recorded().layout.decaying_words;
    let buckets = fleet.replicas[0].buckets();
    let (first, last) = (&buckets[0], buckets.iter().rfind(|bucket| bucket.range.end <= weights));
    let last = last.expect("weights have buckets");
    assert!(last.ready < first.ready, "{} and {} of {end}", last.ready, first.ready);
    assert!(first.ready <= end);
}

#[test]
fn settings_that_differ_from_a_large_batch_are_refused() {
    let place = ReplicaSettings { rank: 0, ranks: 4, global_batch_size: 8, bucket_words: 100, overlap: true };
    let refused = |settings: StepSettings, place: ReplicaSettings| {
        let model = mlp();
        block_on(ReplicaSession::new(&model, settings, place, rate(), examples_of(&model), &Where::Cpu))
            .is_err()
    };
    let plain = StepSettings::default();
    assert!(!refused(plain, place));
    assert!(refused(StepSettings { dropout: 0.1, ..plain }, place));
    assert!(refused(StepSettings { mixed_precision: true, ..plain }, place));
    assert!(refused(StepSettings { gradient_accumulation_steps: 2, ..plain }, place));
    assert!(refused(plain, ReplicaSettings { global_batch_size: 3, ..place }));
    assert!(refused(plain, ReplicaSettings { rank: 4, ..place }));
}

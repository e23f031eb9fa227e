//! The ring against sums in f64, the link against its formula, and replicas against one large batch.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]

use engine::{
    models::{Layer, Model, Network, ParameterLayout, ToyNetwork},
    random::Stream,
    training::{
        Examples, OptimizerSpec, RateOfStep, Session, StepSettings, Where,
        parallel::{
            Channel, Held, Link, Out, ReplicaSession, ReplicaSettings, Ring, RingMessage, Turn,
            bucket_ranges, chunk_range, share,
        },
    },
};
use pollster::block_on;
use std::{cell::RefCell, collections::VecDeque, rc::Rc};

fn values(rank: usize, bucket: usize, words: usize) -> Vec<f32> {
    let stream = Stream::new(7, (rank * 64 + bucket) as u32);
    (0..words as u32).map(|index| stream.uniform(index) * 2.0 - 1.0).collect()
}

/// All ranks of a ring in one place: channels are FIFO, and which one moves next is random.
struct Bus {
    rings: Vec<Ring>,
    channels: Vec<VecDeque<RingMessage>>,
    finished: Vec<usize>,
}

impl Bus {
    fn new(ranks: usize, words: &[usize]) -> Self {
        let rings = (0..ranks).map(|rank| Ring::new(rank, ranks, words).expect("few ranks")).collect();
        Self { rings, channels: vec![VecDeque::new(); ranks], finished: vec![0; ranks] }
    }

    fn apply(&mut self, rank: usize, outs: Vec<Out>) {
        let next = (rank + 1) % self.rings.len();
        for out in outs {
            match out {
                Out::Send(message) => self.channels[next].push_back(message),
                Out::Finished { .. } => self.finished[rank] += 1,
            }
        }
    }

    /// One round: buckets start at random times and in another order on every rank.
    fn round(&mut self, round: u32, words: &[usize], order: &Stream) {
        let ranks = self.rings.len();
        let mut to_start: Vec<VecDeque<usize>> = (0..ranks)
            .map(|rank| {
                let mut buckets: VecDeque<usize> = (0..words.len()).collect();
                buckets.rotate_left(rank % words.len());
                buckets
            })
            .collect();
        self.finished.fill(0);
        let mut begun = vec![false; ranks];
        for turn in 0.. {
            if self.rings.iter().enumerate().all(|(rank, ring)| begun[rank] && ring.is_finished()) {
                break;
            }
            assert!(turn < 100_000, "the ring does not end");
            let choice = order.bits(turn) as usize;
            let rank = choice % ranks;
            if choice & 1024 == 0 {
                if let Some(message) = self.channels[rank].pop_front() {
                    let outs = self.rings[rank].on_message(message).expect("in step");
                    self.apply(rank, outs);
                }
            } else if !begun[rank] {
                self.rings[rank].begin_round(round);
                begun[rank] = true;
            } else if let Some(bucket) = to_start[rank].pop_front() {
                let own = values(rank, bucket + round as usize, words[bucket]);
                let outs = self.rings[rank].start(bucket, own).expect("once");
                self.apply(rank, outs);
            }
        }
    }
}

#[test]
fn every_rank_ends_with_the_same_bits_and_the_right_sums() {
    for ranks in 1..=8 {
        for (case, words) in [vec![1], vec![7, 1, 0, 64], vec![1000, 13, 5], vec![3; 9]].iter().enumerate() {
            let mut bus = Bus::new(ranks, words);
            for round in 0..3 {
                bus.round(round, words, &Stream::new(round, (case * 16 + ranks) as u32));
                assert!(bus.finished.iter().all(|finished| *finished == words.len()), "each bucket once");
                for (bucket, &length) in words.iter().enumerate() {
                    let first: Vec<u32> = bus.rings[0].sums(bucket).iter().map(|x| x.to_bits()).collect();
                    assert_eq!(first.len(), length);
                    for ring in &bus.rings {
                        let bits: Vec<u32> = ring.sums(bucket).iter().map(|x| x.to_bits()).collect();
                        assert_eq!(bits, first, "{ranks} ranks, bucket {bucket}");
                    }
                    check_sums(bus.rings[0].sums(bucket), ranks, bucket + round as usize);
                }
            }
        }
    }
}

fn check_sums(sums: &[f32], ranks: usize, seed: usize) {
    let all: Vec<Vec<f32>> = (0..ranks).map(|rank| values(rank, seed, sums.len())).collect();
    for (index, sum) in sums.iter().enumerate() {
        let exact: f64 = all.iter().map(|own| f64::from(own[index])).sum();
        let magnitude: f64 = all.iter().map(|own| f64::from(own[index].abs())).sum();
        // ranks - 1 additions, each within half a unit in the last place of a partial sum.
        let bound = (ranks - 1) as f64 * 2.0_f64.powi(-24) * magnitude;
        assert!((f64::from(*sum) - exact).abs() <= bound, "word {index}: {sum} and not {exact}");
    }
}

#[test]
fn the_same_bits_whatever_the_timing() {
    let words = [33, 5];
    let run = |seed| {
        let mut bus = Bus::new(5, &words);
        bus.round(0, &words, &Stream::new(seed, 1));
        bus.rings[3].sums(0).to_vec()
    };
    let first = run(1);
    assert!((2..20).all(|seed| run(seed) == first));
}

#[test]
fn a_message_out_of_order_is_refused() {
    let mut ring = Ring::new(0, 3, &[6]).expect("small");
    assert!(ring.start(0, vec![1.0; 6]).is_err(), "no round has begun");
    ring.begin_round(0);
    let outs = ring.start(0, vec![1.0; 6]).expect("once");
    let [Out::Send(message)] = outs.as_slice() else { panic!("one message") };
    // The rank before sends chunk 2 first, not chunk 0.
    assert!(ring.on_message(message.clone()).is_err());
    assert!(ring.start(0, vec![1.0; 6]).is_err());
    assert!(ring.on_message(RingMessage { bucket: 9, ..message.clone() }).is_err());
    assert!(Ring::new(0, 17, &[6]).is_err());
    assert!(Ring::new(2, 2, &[6]).is_err());
}

/// Links in virtual time: an all-reduce takes `2 (ranks - 1) (bytes / ranks / bandwidth + latency)`.
#[test]
fn a_link_delays_as_its_formula_says() {
    for (ranks, gbit, latency) in [(2, 1.0, 1e-4), (4, 10.0, 1e-3), (8, 100.0, 0.0), (5, 0.0, 2e-3)] {
        let words = 40_000 * ranks;
        let mut rings: Vec<Ring> =
            (0..ranks).map(|rank| Ring::new(rank, ranks, &[words]).expect("few")).collect();
        let mut links = vec![Link::new(gbit, latency); ranks];
        let mut held: Vec<Held> = (0..ranks).map(|_| Held::default()).collect();
        let mut now = 0.0;
        let mut sends: Vec<(usize, Vec<Out>)> = vec![];
        for (rank, ring) in rings.iter_mut().enumerate() {
            ring.begin_round(0);
            sends.push((rank, ring.start(0, values(rank, 0, words)).expect("once")));
        }
        while !rings.iter().all(Ring::is_finished) {
            for (rank, outs) in sends.drain(..) {
                for out in outs {
                    if let Out::Send(message) = out {
                        let due = links[rank].due(now, message.bytes());
                        held[(rank + 1) % ranks].push(due, message);
                    }
                }
            }
            now = held.iter().filter_map(Held::next_due).fold(f64::INFINITY, f64::min);
            for (rank, ring) in rings.iter_mut().enumerate() {
                while let Some(message) = held[rank].pop(now) {
                    sends.push((rank, ring.on_message(message).expect("in step")));
                }
            }
        }
        let per_byte = if gbit > 0.0 { 8e-9 / gbit } else { 0.0 };
        let expected = 2.0 * (ranks - 1) as f64 * (words as f64 / ranks as f64 * 4.0 * per_byte + latency);
        assert!((now - expected).abs() <= 1e-9 * expected, "{ranks} ranks: {now} s and not {expected} s");
    }
}

#[test]
fn messages_queue_for_the_wire_and_not_for_the_latency() {
    let mut link = Link::new(8.0, 0.5);
    assert!((link.due(0.0, 1e9) - 1.5).abs() < 1e-9);
    assert!((link.due(0.25, 1e9) - 2.5).abs() < 1e-9, "it waits for the one before");
    assert!((link.due(9.0, 1e9) - 10.5).abs() < 1e-9);
}

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
struct Random {
    words: usize,
    classes: u32,
}

impl Examples for Random {
    fn fill(&mut self, number: u64, batch: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
        let stream = Stream::new(3, 500 + number as u32);
        examples.extend((0..(batch * self.words) as u32).map(|index| stream.uniform(index).to_bits()));
        labels.extend((0..batch as u32).map(|index| stream.bits(1 << 20 | index) % self.classes));
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

fn examples_of(model: &Model) -> Box<dyn Examples> {
    Box::new(match model {
        Model::Toy(toy) => Random { words: 2, classes: toy.classes as u32 },
        _ => Random { words: 784, classes: 10 },
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
}

impl Fleet {
    fn new(model: &Model, settings: StepSettings, ranks: usize, global: usize) -> Self {
        let queues: Vec<Rc<RefCell<VecDeque<RingMessage>>>> = (0..ranks).map(|_| Rc::default()).collect();
        let ports = (0..ranks).map(|rank| Port {
            next: Rc::clone(&queues[(rank + 1) % ranks]),
            previous: Rc::clone(&queues[rank]),
        });
        let replicas = (0..ranks).map(|rank| {
            let place = ReplicaSettings { rank, ranks, global_batch_size: global, bucket_words: 700 };
            let made = ReplicaSession::new(model, settings, place, rate(), examples_of(model), &Where::Cpu);
            block_on(made).expect("small")
        });
        Self { replicas: replicas.collect(), ports: ports.collect(), overlapped: 0 }
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
    let mut fleet = Fleet::new(model, settings, ranks, global);
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
    println!("{ranks} ranks, batch {global}: weights {off:.1e} off, {} early turns", fleet.overlapped);
    if ranks > 1 {
        assert!(fleet.overlapped > 0, "no bucket travels before the backward pass is done");
    }
}

fn bytemuck_bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn replicas_train_as_one_large_batch() {
    for (ranks, global) in [(1, 8), (2, 8), (3, 11), (4, 16)] {
        check_replicas(&cnn(), ranks, global);
        check_replicas(&mlp(), ranks, global);
    }
    check_replicas(&Model::Toy(ToyNetwork { width: 9, layers: 2, classes: 3 }), 8, 29);
}

#[test]
fn gradients_of_the_last_layer_are_ready_first() {
    let settings = StepSettings { seed: 4, ..StepSettings::default() };
    let mut fleet = Fleet::new(&mlp(), settings, 2, 8);
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
    let place = ReplicaSettings { rank: 0, ranks: 4, global_batch_size: 8, bucket_words: 100 };
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

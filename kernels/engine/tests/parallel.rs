//! The ring against sums in f64, and the link against its formula.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]

use engine::{
    random::Stream,
    training::parallel::{Held, Link, Out, Ring, RingMessage},
};
use std::collections::VecDeque;

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

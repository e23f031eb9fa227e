//! Prices a call with every algorithm and protocol, and takes the fastest.

use super::algorithms::{Algorithm, Collective, PATTERNS, Pattern, Steps, steps, tree_depth};
use super::error::{NetworkError, within};
use super::links::{Link, Place, link};
use super::parameters::Parameters;
use super::topology::{Topology, Traffic};
use crate::units::{Bytes, BytesPerSecond, Seconds};

/// Time before the first hop of a captured call. NVIDIA/nccl, src/graph/tuning.cc @b6475625, `baseLat` of a ring in LL.
const BASE_SECONDS: f64 = 6.6e-6;
/// A call of at most so many bytes goes out without the wait that makes the floor. The rows say from 2 KiB (below the
/// floor) to 32 KiB (at it); the geometric middle.
const EAGER_BYTES: f64 = 8_192.0;
/// Hop inside a node in the protocol for small messages (LL) over that for large ones. NVIDIA/nccl, src/graph/tuning.cc
/// @b6475625, `hwLat` of a ring on NVLink: 0.6 over 3.4 us. Between nodes the network's own hop hides the difference.
const LOW_LATENCY_HOP: f64 = 0.6 / 3.4;
/// Bandwidth of a tree over that of a ring. NVIDIA/nccl, src/graph/tuning.cc @b6475625.
const TREE_SHARE: f64 = 0.92;

/// One level of a fabric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Per direction and accelerator, when all of them send.
    pub bandwidth: BytesPerSecond,
    /// Per direction between two accelerators, where no switch joins them.
    pub bandwidth_per_peer: Option<BytesPerSecond>,
    /// Hardware's part of one hop.
    pub latency: Seconds,
    /// Whether its switches add up.
    pub in_network_reduction: bool,
    /// Its wiring.
    pub topology: Topology,
}

impl From<&Link> for Level {
    fn from(link: &Link) -> Self {
        Self {
            bandwidth: link.bandwidth_per_accelerator.value,
            bandwidth_per_peer: link.bandwidth_per_peer.map(|fact| fact.value),
            latency: link.latency.value,
            in_network_reduction: link.in_network_reduction,
            topology: Topology::SingleSwitch,
        }
    }
}

impl Level {
    fn check(&self) -> Result<(), NetworkError> {
        within("bandwidth", self.bandwidth.0, 1.0, 1e15)?;
        if let Some(peer) = self.bandwidth_per_peer {
            within("bandwidth_per_peer", peer.0, 1.0, 1e15)?;
        }
        within("latency", self.latency.0, 0.0, 1.0)?;
        self.topology.check()
    }
}

/// The two levels that join accelerators.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fabric {
    /// Inside a node, or a pod.
    pub inside: Level,
    /// Between nodes; `None` where there is one node.
    pub outside: Option<Level>,
    /// Accelerators of one node.
    pub accelerators_per_node: u32,
}

impl Fabric {
    /// A fabric of catalog links, each level with one switch.
    ///
    /// # Errors
    /// An unknown id, or a link in the wrong place.
    pub fn of(inside: &str, outside: Option<&str>, accelerators_per_node: u32) -> Result<Self, NetworkError> {
        let level = |id: &str, field, place: Place| {
            let link = link(id)?;
            if link.place == place {
                Ok(Level::from(link))
            } else {
                Err(NetworkError::WrongPlace { id: id.to_owned(), field })
            }
        };
        Ok(Self {
            inside: level(inside, "inside", Place::Inside)?,
            outside: outside.map(|id| level(id, "outside", Place::Outside)).transpose()?,
            accelerators_per_node,
        })
    }
}

/// One collective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Call {
    /// What is done.
    pub collective: Collective,
    /// See [`Collective`].
    pub bytes: Bytes,
    /// Accelerators that take part.
    pub ranks: u32,
    /// Of them, those that share a node.
    pub ranks_per_node: u32,
    /// Whether it is part of a captured graph, so that no host delays it.
    pub captured: bool,
}

/// What takes the most time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Nothing is sent.
    Nothing,
    /// The hosts that issue the call.
    Host,
    /// The hops.
    Latency,
    /// The link inside a node.
    InsideBandwidth,
    /// The link between nodes.
    OutsideBandwidth,
}

/// The price of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// From the first rank's start to the last rank's end.
    pub time: Seconds,
    /// One call in ten is faster; equal to `time` without a spread.
    pub low80: Seconds,
    /// One call in ten is slower; equal to `time` without a spread.
    pub high80: Seconds,
    /// What was taken.
    pub algorithm: Algorithm,
    /// Whether the protocol for small messages was taken.
    pub low_latency_protocol: bool,
    /// Hops.
    pub latency: Seconds,
    /// On the link inside a node.
    pub inside: Seconds,
    /// On the link between nodes.
    pub outside: Seconds,
    /// What takes the most.
    pub binding: Binding,
    /// Nodes that take part.
    pub nodes: u32,
}

/// What one level offers to one protocol.
#[derive(Debug, Clone, Copy)]
struct Tier {
    rate: f64,
    reduction_rate: f64,
    hop: f64,
    reduction_hop: f64,
    half: f64,
    curve: f64,
    torus: Option<f64>,
    reduces: bool,
}

impl Tier {
    /// Seconds to send `volume` bytes in portions of `grain` bytes.
    fn send(&self, volume: f64, grain: f64, rate: f64) -> f64 {
        if volume <= 0.0 {
            return 0.0;
        }
        volume / rate * (1.0 + libm::pow(self.half / grain, self.curve))
    }

    /// Seconds of hops and of sending, of a pattern over `ranks` with `bytes` each.
    fn price(&self, collective: Collective, pattern: Pattern, ranks: f64, bytes: f64) -> Option<(f64, f64)> {
        if pattern == Pattern::InNetworkReduction && !self.reduces {
            return None;
        }
        let Steps { hops, volume } = steps(collective, pattern, ranks, self.torus)?;
        let grain = bytes / portions(pattern, ranks, self.torus);
        let (hop, rate) = match pattern {
            Pattern::InNetworkReduction => (self.reduction_hop, self.reduction_rate),
            Pattern::Tree | Pattern::DoubleBinaryTree | Pattern::RecursiveDoubling => {
                (self.hop, self.rate * TREE_SHARE)
            }
            _ => (self.hop, self.rate),
        };
        Some((hops * hop, self.send(volume * bytes, grain, rate)))
    }
}

/// Into how many portions a pattern cuts the buffer: a ring by its ranks, a tree by the levels that it keeps busy.
fn portions(pattern: Pattern, ranks: f64, torus: Option<f64>) -> f64 {
    match pattern {
        Pattern::Tree | Pattern::DoubleBinaryTree | Pattern::RecursiveDoubling => {
            ranks.min(2.0 * tree_depth(ranks) + 2.0)
        }
        Pattern::TorusRings => torus.map_or(ranks, |hops| hops + 1.0),
        _ => ranks,
    }
}

/// A way to carry out the call.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    algorithm: Algorithm,
    latency: f64,
    inside: f64,
    outside: f64,
    seconds: f64,
}

/// Prices a call. The answer's interval is empty; [`super::NetworkModel::predict`] fills it.
///
/// # Errors
/// The field that is out of range, or a call over several nodes that nothing joins.
pub fn predict(parameters: &Parameters, fabric: &Fabric, call: &Call) -> Result<Answer, NetworkError> {
    let (per_node, nodes) = check(fabric, call)?;
    if call.ranks == 1 {
        return Ok(answer(None, false, nodes, 0.0));
    }
    let mut best: Option<(Candidate, bool)> = None;
    for low_latency in [false, true] {
        let inside = inside_tier(parameters, fabric, call, per_node, low_latency)?;
        let outside = match fabric.outside {
            Some(level) if nodes > 1 => {
                Some(outside_tier(parameters, &level, call, nodes, per_node, low_latency)?)
            }
            _ => None,
        };
        let group = Group {
            collective: call.collective,
            bytes: call.bytes.0,
            ranks: f64::from(call.ranks),
            per_node: f64::from(per_node),
            nodes: f64::from(nodes),
        };
        group.candidates(&inside, outside.as_ref(), &mut |candidate| {
            if best.is_none_or(|(known, _)| candidate.seconds < known.seconds) {
                best = Some((candidate, low_latency));
            }
        });
    }
    let floor = if call.captured || call.bytes.0 <= EAGER_BYTES { 0.0 } else { parameters.floor_seconds };
    let (candidate, low_latency) = best.unzip();
    Ok(answer(candidate, low_latency.unwrap_or(false), nodes, floor))
}

/// Ranks per node and nodes of a call that makes sense.
fn check(fabric: &Fabric, call: &Call) -> Result<(u32, u32), NetworkError> {
    within("bytes", call.bytes.0, 0.0, 1e18)?;
    within("ranks", f64::from(call.ranks), 1.0, 1e6)?;
    within("accelerators_per_node", f64::from(fabric.accelerators_per_node), 1.0, 65_536.0)?;
    let most = f64::from(fabric.accelerators_per_node);
    within("ranks_per_node", f64::from(call.ranks_per_node), 1.0, most)?;
    fabric.inside.check()?;
    let per_node = call.ranks_per_node.min(call.ranks);
    let nodes = call.ranks.div_ceil(per_node);
    match fabric.outside {
        Some(level) => level.check()?,
        None if nodes > 1 => return Err(NetworkError::NoOutside { nodes }),
        None => {}
    }
    Ok((per_node, nodes))
}

fn traffic(collective: Collective) -> Traffic {
    if collective == Collective::AllToAll { Traffic::AllToAll } else { Traffic::Neighbours }
}

fn inside_tier(
    p: &Parameters,
    fabric: &Fabric,
    call: &Call,
    per_node: u32,
    low_latency: bool,
) -> Result<Tier, NetworkError> {
    let level = &fabric.inside;
    let others = f64::from(per_node.max(2) - 1);
    // Without a switch a rank reaches only the ranks that take part, each over its own wires.
    let wires = level.bandwidth_per_peer.map_or(level.bandwidth, |peer| level.bandwidth.min(peer * others));
    let usable = level.topology.usable(wires, per_node, 1, traffic(call.collective))?.0;
    let keep = if low_latency { p.low_latency_share } else { 1.0 };
    let pair =
        if matches!(call.collective, Collective::AllReduce) { 1.0 - p.pair_loss / others } else { 1.0 };
    Ok(Tier {
        rate: usable * p.share_inside * keep * pair,
        reduction_rate: usable * p.share_reduction * keep,
        hop: p.hop_inside_seconds * if low_latency { LOW_LATENCY_HOP } else { 1.0 } + level.latency.0,
        reduction_hop: p.hop_reduction_seconds + level.latency.0,
        half: if low_latency { 0.0 } else { p.half_inside_seconds * usable },
        curve: p.curve,
        torus: level.topology.torus_steps(f64::from(per_node)),
        reduces: level.in_network_reduction,
    })
}

fn outside_tier(
    p: &Parameters,
    level: &Level,
    call: &Call,
    nodes: u32,
    per_node: u32,
    low_latency: bool,
) -> Result<Tier, NetworkError> {
    let usable = level.topology.usable(level.bandwidth, nodes, per_node, traffic(call.collective))?.0;
    let keep = if low_latency { p.low_latency_share } else { 1.0 };
    Ok(Tier {
        rate: usable * p.share_outside * keep,
        reduction_rate: usable * p.share_reduction * keep,
        hop: p.hop_outside_seconds + level.latency.0,
        reduction_hop: p.hop_outside_seconds + level.latency.0,
        half: if low_latency { 0.0 } else { p.half_outside_bytes },
        curve: p.curve,
        torus: level.topology.torus_steps(f64::from(nodes)),
        reduces: level.in_network_reduction,
    })
}

/// The ranks of a call and what they do.
#[derive(Debug, Clone, Copy)]
struct Group {
    collective: Collective,
    bytes: f64,
    ranks: f64,
    per_node: f64,
    nodes: f64,
}

impl Group {
    fn candidates(&self, inside: &Tier, outside: Option<&Tier>, offer: &mut dyn FnMut(Candidate)) {
        for pattern in PATTERNS {
            let Some(outside) = outside else {
                if let Some((latency, seconds)) =
                    inside.price(self.collective, pattern, self.ranks, self.bytes)
                {
                    offer(Candidate {
                        algorithm: Algorithm::Flat(pattern),
                        latency,
                        inside: seconds,
                        outside: 0.0,
                        seconds: latency + seconds,
                    });
                }
                continue;
            };
            if let Some(candidate) = self.flat(pattern, inside, outside) {
                offer(candidate);
            }
            for within_node in PATTERNS {
                if let Some(candidate) = self.hierarchical(within_node, pattern, inside, outside) {
                    offer(candidate);
                }
            }
        }
    }

    /// One pattern over all ranks of several nodes. Every port of a node carries one ring or tree, so the node's whole
    /// bandwidth serves the crossing; the slowest link of the chain sets the pace.
    fn flat(&self, pattern: Pattern, inside: &Tier, outside: &Tier) -> Option<Candidate> {
        if matches!(pattern, Pattern::InNetworkReduction | Pattern::TorusRings) {
            return None;
        }
        let all = Tier { torus: None, reduces: false, ..*inside };
        let (_, inside_seconds) = all.price(self.collective, pattern, self.ranks, self.bytes)?;
        let Steps { hops, volume } = steps(self.collective, pattern, self.ranks, None)?;
        let grain = self.bytes / portions(pattern, self.ranks, None);
        let crossing = match (self.collective, pattern) {
            (Collective::AllToAll | Collective::PointToPoint, _) => {
                // Each rank sends to the ranks of other nodes by its own port.
                let strangers = (self.ranks - self.per_node) / (self.ranks - 1.0);
                outside.send(volume * strangers * self.bytes, grain, outside.rate)
            }
            _ => {
                let node =
                    outside.rate * self.per_node * if pattern == Pattern::Ring { 1.0 } else { TREE_SHARE };
                outside.send(volume * self.bytes, grain, node)
            }
        };
        let latency = match pattern {
            Pattern::Ring | Pattern::Direct => {
                let across = hops * self.crossing_share(pattern);
                across * outside.hop + (hops - across) * inside.hop
            }
            // A tree of nodes, and in every node a chain (as NCCL lays it), up and, where there is a way down, down.
            Pattern::Tree | Pattern::DoubleBinaryTree => {
                let ways = hops / tree_depth(self.ranks);
                ways * (tree_depth(self.nodes) * outside.hop + (self.per_node - 1.0) * inside.hop)
            }
            _ => {
                let across = tree_depth(self.nodes).min(hops);
                across * outside.hop + (hops - across) * inside.hop
            }
        };
        Some(Candidate {
            algorithm: Algorithm::Flat(pattern),
            latency,
            inside: inside_seconds,
            outside: crossing,
            seconds: latency + inside_seconds.max(crossing),
        })
    }

    /// Share of the hops that cross nodes.
    fn crossing_share(&self, pattern: Pattern) -> f64 {
        match pattern {
            Pattern::Ring => self.nodes / self.ranks,
            _ => (self.ranks - self.per_node) / (self.ranks - 1.0).max(1.0),
        }
    }

    /// Inside every node, then between nodes, and back (all-reduce). Between nodes each rank handles the share of the
    /// buffer that it holds after the phase inside. The phases follow each other: published sweeps show no overlap.
    fn hierarchical(
        &self,
        within_node: Pattern,
        between: Pattern,
        inside: &Tier,
        outside: &Tier,
    ) -> Option<Candidate> {
        if self.per_node < 2.0 {
            return None;
        }
        // An all-to-all first bundles by destination rail, so every rank still sends all its bytes outwards.
        let share =
            if self.collective == Collective::AllToAll { self.bytes } else { self.bytes / self.per_node };
        let (hops, seconds) = inside.price(self.collective, within_node, self.per_node, self.bytes)?;
        let (far_hops, far) = outside.price(self.collective, between, self.nodes, share)?;
        Some(Candidate {
            algorithm: Algorithm::Hierarchical { inside: within_node, outside: between },
            latency: hops + far_hops,
            inside: seconds,
            outside: far,
            seconds: hops + far_hops + seconds + far,
        })
    }
}

fn answer(candidate: Option<Candidate>, low_latency_protocol: bool, nodes: u32, floor: f64) -> Answer {
    let Some(Candidate { algorithm, latency, inside, outside, seconds }) = candidate else {
        let none = Seconds(0.0);
        return Answer {
            time: none,
            low80: none,
            high80: none,
            algorithm: Algorithm::Nothing,
            low_latency_protocol,
            latency: none,
            inside: none,
            outside: none,
            binding: Binding::Nothing,
            nodes,
        };
    };
    let seconds = BASE_SECONDS + seconds;
    let latency = BASE_SECONDS + latency;
    let binding = if floor > seconds {
        Binding::Host
    } else if latency >= inside.max(outside) {
        Binding::Latency
    } else if inside >= outside {
        Binding::InsideBandwidth
    } else {
        Binding::OutsideBandwidth
    };
    let time = Seconds(seconds.max(floor));
    Answer {
        time,
        low80: time,
        high80: time,
        algorithm,
        low_latency_protocol,
        latency: Seconds(latency),
        inside: Seconds(inside),
        outside: Seconds(outside),
        binding,
        nodes,
    }
}

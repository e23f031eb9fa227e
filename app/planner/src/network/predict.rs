//! Prices a call with every algorithm and protocol, and takes the fastest.

use super::algorithms::{Algorithm, Collective, PATTERNS, Pattern, Steps, steps, tree_depth};
use super::error::{NetworkError, within};
use super::fabric::{Answer, Binding, Call, Fabric};
use super::parameters::Parameters;
use super::tier::{TREE_SHARE, Tier, inside_tier, outside_tier, portions};
use crate::units::Seconds;

const BASE_SECONDS: f64 = 6.6e-6;
/// A call of at most so many bytes goes out without the wait that makes the floor. The rows say from 2 KiB (below the
/// floor) to 32 KiB (at it); the geometric middle.
const EAGER_BYTES: f64 = 8_192.0;
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
        let Some(outside) = outside else {
            if let Some((pattern, latency, seconds)) =
                inside.cheapest(self.collective, self.ranks, self.bytes)
            {
                offer(Candidate {
                    algorithm: Algorithm::Flat(pattern),
                    latency,
                    inside: seconds,
                    outside: 0.0,
                    seconds: latency + seconds,
                });
            }
            return;
        };
        for pattern in PATTERNS {
            if let Some(candidate) = self.flat(pattern, inside, outside) {
                offer(candidate);
            }
        }
        if let Some(candidate) = self.hierarchical(inside, outside) {
            offer(candidate);
        }
    }

    /// One pattern over all ranks of several nodes. Every port of a node carries one ring or tree, so the node's whole
    /// bandwidth serves the crossing; the slowest link of the chain sets the pace.
    fn flat(&self, pattern: Pattern, inside: &Tier, outside: &Tier) -> Option<Candidate> {
        if matches!(pattern, Pattern::InNetworkReduction | Pattern::TorusRings) {
            return None;
        }
        let all = inside.joined();
        let (_, inside_seconds) = all.price(self.collective, pattern, self.ranks, self.bytes)?;
        let Steps { hops, volume } = steps(self.collective, pattern, self.ranks, None)?;
        let grain = self.bytes / portions(self.collective, pattern, self.ranks, None);
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
        let latency = self.flat_latency(pattern, hops, inside.hop, outside.hop);
        Some(Candidate {
            algorithm: Algorithm::Flat(pattern),
            latency,
            inside: inside_seconds,
            outside: crossing,
            seconds: latency + inside_seconds.max(crossing),
        })
    }

    /// Seconds of the hops of one pattern over all ranks, from those of a hop inside and between nodes.
    fn flat_latency(&self, pattern: Pattern, hops: f64, inside: f64, outside: f64) -> f64 {
        match pattern {
            Pattern::Ring | Pattern::Direct => {
                let across = hops * self.crossing_share(pattern);
                across * outside + (hops - across) * inside
            }
            // A tree of nodes, and in every node a chain (as NCCL lays it), up and, where there is a way down, down.
            Pattern::Tree | Pattern::DoubleBinaryTree => {
                let ways = hops / tree_depth(self.ranks);
                ways * (tree_depth(self.nodes) * outside + (self.per_node - 1.0) * inside)
            }
            _ => {
                let across = tree_depth(self.nodes).min(hops);
                across * outside + (hops - across) * inside
            }
        }
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
    fn hierarchical(&self, inside: &Tier, outside: &Tier) -> Option<Candidate> {
        // One rank per node has no phase inside, but its node's switches may add up.
        let (own, hops, seconds) = if self.per_node < 2.0 {
            (None, 0.0, 0.0)
        } else {
            let (pattern, hops, seconds) = inside.cheapest(self.collective, self.per_node, self.bytes)?;
            (Some(pattern), hops, seconds)
        };
        // An all-to-all first bundles by destination rail, so every rank still sends all its bytes outwards; a
        // transfer between two ranks has one phase.
        let share = match self.collective {
            Collective::AllToAll => self.bytes,
            Collective::PointToPoint => return None,
            _ => self.bytes / self.per_node,
        };
        let (between, far_hops, far) = outside.cheapest(self.collective, self.nodes, share)?;
        let algorithm = own
            .map_or(Algorithm::Flat(between), |inside| Algorithm::Hierarchical { inside, outside: between });
        Some(Candidate {
            algorithm,
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

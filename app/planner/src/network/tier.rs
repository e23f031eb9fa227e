//! What a level offers to one of the two protocols, and what a pattern costs on it.

use super::algorithms::{Collective, PATTERNS, Pattern, Steps, steps, tree_depth};
use super::error::NetworkError;
use super::fabric::{Call, Fabric, Level};
use super::parameters::Parameters;
use super::topology::Traffic;

/// Hop inside a node in the protocol for small messages (LL) over that for large ones. NVIDIA/nccl, src/graph/tuning.cc
/// @b6475625, `hwLat` of a ring on NVLink: 0.6 over 3.4 us.
const LOW_LATENCY_HOP: f64 = 0.6 / 3.4;
/// Software's part of a hop between nodes, seconds. The same table: 14 us, and 2.7 us in LL.
const NETWORK_HOP: f64 = 1.4e-5;
const NETWORK_HOP_LOW_LATENCY: f64 = 2.7e-6;
/// Bandwidth of a tree over that of a ring. NVIDIA/nccl, src/graph/tuning.cc @b6475625.
pub(super) const TREE_SHARE: f64 = 0.92;

/// What one level offers to one protocol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tier {
    pub(super) rate: f64,
    reduction_rate: f64,
    pub(super) hop: f64,
    reduction_hop: f64,
    half: f64,
    curve: f64,
    pub(super) torus: Option<f64>,
    pub(super) reduces: bool,
}

impl Tier {
    /// Seconds to send `volume` bytes in portions of `grain` bytes.
    pub(super) fn send(&self, volume: f64, grain: f64, rate: f64) -> f64 {
        if volume <= 0.0 {
            return 0.0;
        }
        volume / rate * (1.0 + libm::pow(self.half / grain, self.curve))
    }

    /// The same without what only a level of its own can do.
    pub(super) fn joined(&self) -> Self {
        Self { torus: None, reduces: false, ..*self }
    }

    /// The pattern that takes the least time, with its seconds of hops and of sending.
    pub(super) fn cheapest(
        &self,
        collective: Collective,
        ranks: f64,
        bytes: f64,
    ) -> Option<(Pattern, f64, f64)> {
        PATTERNS
            .into_iter()
            .filter_map(|pattern| {
                self.price(collective, pattern, ranks, bytes).map(|(hops, sending)| (pattern, hops, sending))
            })
            .min_by(|one, other| (one.1 + one.2).total_cmp(&(other.1 + other.2)))
    }

    /// Seconds of hops and of sending, of a pattern over `ranks` with `bytes` each.
    pub(super) fn price(
        &self,
        collective: Collective,
        pattern: Pattern,
        ranks: f64,
        bytes: f64,
    ) -> Option<(f64, f64)> {
        if pattern == Pattern::InNetworkReduction && !self.reduces {
            return None;
        }
        let Steps { hops, volume } = steps(collective, pattern, ranks, self.torus)?;
        let grain = bytes / portions(collective, pattern, ranks, self.torus);
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
pub(super) fn portions(collective: Collective, pattern: Pattern, ranks: f64, torus: Option<f64>) -> f64 {
    match pattern {
        _ if collective == Collective::PointToPoint => 1.0,
        Pattern::Tree | Pattern::DoubleBinaryTree | Pattern::RecursiveDoubling => {
            ranks.min(2.0 * tree_depth(ranks) + 2.0)
        }
        Pattern::TorusRings => torus.map_or(ranks, |hops| hops + 1.0),
        _ => ranks,
    }
}

fn traffic(collective: Collective) -> Traffic {
    if collective == Collective::AllToAll { Traffic::AllToAll } else { Traffic::Neighbours }
}

pub(super) fn inside_tier(
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

pub(super) fn outside_tier(
    p: &Parameters,
    level: &Level,
    call: &Call,
    nodes: u32,
    per_node: u32,
    low_latency: bool,
) -> Result<Tier, NetworkError> {
    let usable = level.topology.usable(level.bandwidth, nodes, per_node, traffic(call.collective))?.0;
    let keep = if low_latency { p.low_latency_share } else { 1.0 };
    let wire = p.latencies_outside * level.latency.0;
    Ok(Tier {
        rate: usable * p.share_outside * keep,
        reduction_rate: usable * p.share_reduction * keep,
        hop: if low_latency { NETWORK_HOP_LOW_LATENCY } else { NETWORK_HOP } + wire,
        reduction_hop: NETWORK_HOP + wire,
        half: if low_latency { 0.0 } else { p.half_outside_bytes },
        curve: p.curve,
        torus: level.topology.torus_steps(f64::from(nodes)),
        reduces: level.in_network_reduction,
    })
}

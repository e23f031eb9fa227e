//! What a question about a network says and what its answer says: levels, fabric, call, answer.

use super::algorithms::{Algorithm, Collective};
use super::error::{NetworkError, within};
use super::links::{Link, Place, link};
use super::topology::Topology;
use crate::units::{Bytes, BytesPerSecond, Seconds};

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
    pub(super) fn check(&self) -> Result<(), NetworkError> {
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

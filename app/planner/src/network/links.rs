//! The links of the catalog: inside a node and between nodes.

use super::error::NetworkError;
use crate::catalog::Fact;
use crate::units::{BytesPerSecond, Seconds};

/// What a link joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Accelerators of one node, or chips of one pod.
    Inside,
    /// Nodes.
    Outside,
}

/// A link between accelerators.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Stable id; links between nodes are in shared links by it.
    pub id: &'static str,
    /// Plain name.
    pub name: &'static str,
    /// What it joins.
    pub place: Place,
    /// Per direction and accelerator, when all accelerators of a node send at once.
    pub bandwidth_per_accelerator: Fact<BytesPerSecond>,
    /// Per direction between two accelerators, where each pair has wires of its own and no switch joins them.
    pub bandwidth_per_peer: Option<Fact<BytesPerSecond>>,
    /// One hop on an idle link, without software.
    pub latency: Fact<Seconds>,
    /// Low end of what the latency may be.
    pub latency_low: Seconds,
    /// High end of what the latency may be.
    pub latency_high: Seconds,
    /// Whether its switches add up what passes through them (NVLS in NVSwitch, SHARP in InfiniBand).
    pub in_network_reduction: bool,
}

include!(concat!(env!("OUT_DIR"), "/links.rs"));

/// All links, in the order of the file.
#[must_use]
pub fn links() -> &'static [Link] {
    LINKS
}

/// The link with this id.
///
/// # Errors
/// [`NetworkError::UnknownLink`].
pub fn link(id: &str) -> Result<&'static Link, NetworkError> {
    LINKS.iter().find(|link| link.id == id).ok_or_else(|| NetworkError::UnknownLink { id: id.to_owned() })
}

//! Alpha-beta costs of collectives on two levels: inside a node, and between nodes.
//!
//! ```text
//! all-gather(S, n) = (n - 1) / n x S / bandwidth + latency x ceil(log2 n)
//! all-reduce       = reduce-scatter + all-gather
//! ```
//! The bandwidth term is the ring's (optimal), the latency term the tree's, as NCCL picks by size. A group over
//! several nodes first exchanges inside each node, then each accelerator exchanges its share with its peers.

use crate::units::{Bytes, BytesPerSecond, Seconds};

/// One level of the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Bandwidth that collectives reach, per direction and accelerator.
    pub bandwidth: BytesPerSecond,
    /// Latency of one hop.
    pub latency: Seconds,
}

/// The two levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Topology {
    /// Accelerators joined by the inner link.
    pub accelerators_per_node: f64,
    /// Inside a node.
    pub intra_node: Link,
    /// Between nodes.
    pub inter_node: Link,
}

/// Exposed time on each level.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Exchange {
    pub(super) intra_node: Seconds,
    pub(super) inter_node: Seconds,
}

impl Exchange {
    pub(super) fn total(self) -> Seconds {
        self.intra_node + self.inter_node
    }

    pub(super) fn times(self, factor: f64) -> Self {
        Self { intra_node: self.intra_node * factor, inter_node: self.inter_node * factor }
    }
}

/// One pass (all-gather or reduce-scatter) over `ranks` accelerators of `bytes` in all.
fn pass(bytes: Bytes, ranks: f64, link: Link) -> Seconds {
    if ranks <= 1.0 {
        return Seconds(0.0);
    }
    bytes * ((ranks - 1.0) / ranks) / link.bandwidth + link.latency * tree_depth(ranks)
}

/// `ceil(log2 ranks)` without a logarithm, whose last bit may differ between native code and WASM.
fn tree_depth(ranks: f64) -> f64 {
    let mut depth = 0.0;
    let mut reached = 1.0;
    while reached < ranks {
        reached *= 2.0;
        depth += 1.0;
    }
    depth
}

impl Topology {
    /// `passes` passes over a group of `ranks` accelerators that lie `stride` apart (1 for the innermost
    /// dimension): 2 passes are an all-reduce.
    pub(super) fn exchange(&self, bytes: Bytes, ranks: u32, stride: u32, passes: f64) -> Exchange {
        let ranks = f64::from(ranks);
        let inside = (self.accelerators_per_node / f64::from(stride)).floor().clamp(1.0, ranks);
        let nodes = (ranks / inside).ceil();
        Exchange {
            intra_node: pass(bytes, inside, self.intra_node) * passes,
            inter_node: pass(bytes / inside, nodes, self.inter_node) * passes,
        }
    }

    /// One transfer to the accelerator that lies `distance` further.
    pub(super) fn transfer(&self, bytes: Bytes, distance: u32) -> Exchange {
        let send = |link: Link| bytes / link.bandwidth + link.latency;
        if f64::from(distance) < self.accelerators_per_node {
            Exchange { intra_node: send(self.intra_node), inter_node: Seconds(0.0) }
        } else {
            Exchange { intra_node: Seconds(0.0), inter_node: send(self.inter_node) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology() -> Topology {
        Topology {
            accelerators_per_node: 8.0,
            intra_node: Link { bandwidth: BytesPerSecond(400e9), latency: Seconds(0.0) },
            inter_node: Link { bandwidth: BytesPerSecond(50e9), latency: Seconds(1e-5) },
        }
    }

    #[test]
    fn an_all_reduce_inside_a_node_moves_the_ring_volume() {
        // 8 GB over 8 ranks: 2 passes x 7/8 x 8 GB / 400 GB/s = 35 ms, nothing between nodes.
        let exchange = topology().exchange(Bytes(8e9), 8, 1, 2.0);
        assert!((exchange.intra_node.0 - 0.035).abs() < 1e-12, "{exchange:?}");
        assert_eq!(exchange.inter_node, Seconds(0.0));
    }

    #[test]
    fn a_group_over_two_nodes_shares_its_network() {
        // 16 ranks on 2 nodes: 1 GB per accelerator crosses, 2 passes x 1/2 x 1 GB / 50 GB/s + 2 hops.
        let exchange = topology().exchange(Bytes(8e9), 16, 1, 2.0);
        assert!((exchange.inter_node.0 - (0.02 + 2e-5)).abs() < 1e-12, "{exchange:?}");
        // Behind a tensor-parallel group of 8 every rank sits on its own node and crosses with all bytes.
        let spread = topology().exchange(Bytes(8e9), 2, 8, 2.0);
        assert!((spread.inter_node.0 - (0.16 + 2e-5)).abs() < 1e-12, "{spread:?}");
    }

    #[test]
    fn a_tree_over_n_ranks_has_ceil_log2_levels() {
        let depths: Vec<f64> = [1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 9.0, 1e6].into_iter().map(tree_depth).collect();
        assert_eq!(depths, [0.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 20.0]);
    }

    #[test]
    fn one_rank_needs_no_network() {
        assert_eq!(topology().exchange(Bytes(1e12), 1, 1, 2.0), Exchange::default());
    }
}

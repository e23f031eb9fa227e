//! Collectives as hops and volume, per pattern: the alpha-beta table that [`super::predict`] prices.
//!
//! `n` ranks, `S` bytes (see [`Collective`]), `d = ceil(log2 n)`; hops, then bytes that each rank sends:
//! ```text
//! all-reduce      ring 2(n-1), 2(n-1)/n S   tree 2d, 3S   two trees 2d, 2(n-1)/n S   in-network 2, (1 + 1/n) S
//! all-gather,     ring n-1, (n-1)/n S       recursive doubling d, (n-1)/n S          in-network 1, (n-1)/n S
//! reduce-scatter
//! broadcast       ring n-1, S               tree d, 2S    two trees d, S             in-network 1, S
//! all-to-all      direct n-1, (n-1)/n S     Bruck d, d/2 S
//! point to point  direct 1, S
//! ```
//! On a torus a ring runs along each side in turn, `sum(side - 1)` hops, and all sides carry a share at once.
//! A tree is pipelined: an inner node takes in two children and passes the sum on while the result comes down (3S).
//! Sources: Thakur, Rabenseifner, Gropp 2005 (ring, recursive doubling, Bruck, pairwise); Patarasu and Yuan 2009 (ring
//! all-reduce is optimal in volume); Sanders, Speck, Träff 2009 (two trees at full bandwidth); Klenk et al., ISCA 2020,
//! "An In-Network Architecture for Accelerating Shared-Memory Multiprocessor Collectives" (a rank sends all it has
//! once to the reducing switch and its 1/n share of the result to the multicast).

/// What the ranks want done. `bytes` of a call is the buffer of each rank; for an all-gather the gathered whole, for a
/// reduce-scatter what goes in, for an all-to-all all that one rank sends (its own share included).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collective {
    /// Everyone has the sum.
    AllReduce,
    /// Everyone has all parts.
    AllGather,
    /// Everyone has its part of the sum.
    ReduceScatter,
    /// Everyone has what one had.
    Broadcast,
    /// Everyone has a part of everyone.
    AllToAll,
    /// One has what another had.
    PointToPoint,
}

/// How the ranks of one level exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// One after the other.
    Ring,
    /// A ring along each side of a torus.
    TorusRings,
    /// A binary tree.
    Tree,
    /// Two binary trees with half the bytes each; an inner node of one is a leaf of the other.
    DoubleBinaryTree,
    /// Partners at distance 1, 2, 4.
    RecursiveDoubling,
    /// The switch adds up, or copies.
    InNetworkReduction,
    /// Each pair by itself.
    Direct,
    /// Bundled at distance 1, 2, 4.
    Bruck,
}

/// The way a call is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// One rank, nothing to do.
    Nothing,
    /// One pattern over all ranks.
    Flat(Pattern),
    /// First inside every node, then between nodes with the share of each rank, and back.
    Hierarchical {
        /// Inside a node.
        inside: Pattern,
        /// Between nodes.
        outside: Pattern,
    },
}

/// All patterns, in the order in which ties are settled.
pub(super) const PATTERNS: [Pattern; 8] = [
    Pattern::InNetworkReduction,
    Pattern::TorusRings,
    Pattern::Ring,
    Pattern::DoubleBinaryTree,
    Pattern::Tree,
    Pattern::RecursiveDoubling,
    Pattern::Direct,
    Pattern::Bruck,
];

/// What a pattern costs one rank.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Steps {
    /// Latencies in sequence.
    pub(super) hops: f64,
    /// Bytes sent over bytes of the call.
    pub(super) volume: f64,
}

/// `ceil(log2 ranks)` without a logarithm, whose last bit may differ between native code and WASM.
pub(super) fn tree_depth(ranks: f64) -> f64 {
    let (mut depth, mut reached) = (0.0, 1.0);
    while reached < ranks {
        reached *= 2.0;
        depth += 1.0;
    }
    depth
}

/// The table above; `None` where a pattern does not do a collective. `torus` holds the hops along a torus.
pub(super) fn steps(collective: Collective, pattern: Pattern, n: f64, torus: Option<f64>) -> Option<Steps> {
    use Pattern as P;
    let (others, depth) = ((n - 1.0) / n, tree_depth(n));
    let (hops, volume) = match (collective, pattern) {
        (_, P::TorusRings) => {
            let once = torus?;
            match collective {
                Collective::AllReduce => (2.0 * once, 2.0 * others),
                Collective::AllGather | Collective::ReduceScatter => (once, others),
                Collective::Broadcast => (once, 1.0),
                Collective::AllToAll => (once, others),
                Collective::PointToPoint => return None,
            }
        }
        (Collective::AllReduce, P::Ring) => (2.0 * (n - 1.0), 2.0 * others),
        (Collective::AllReduce, P::Tree) => (2.0 * depth, if n > 2.0 { 3.0 } else { 2.0 }),
        (Collective::AllReduce, P::DoubleBinaryTree) => (2.0 * depth, 2.0 * others),
        (Collective::AllReduce, P::InNetworkReduction) => (2.0, 1.0 + 1.0 / n),
        (Collective::AllGather | Collective::ReduceScatter, P::Ring) => (n - 1.0, others),
        (Collective::AllGather | Collective::ReduceScatter, P::RecursiveDoubling) => (depth, others),
        (Collective::AllGather | Collective::ReduceScatter, P::InNetworkReduction) => (1.0, others),
        (Collective::Broadcast, P::Ring) => (n - 1.0, 1.0),
        (Collective::Broadcast, P::Tree) => (depth, if n > 2.0 { 2.0 } else { 1.0 }),
        (Collective::Broadcast, P::DoubleBinaryTree) => (depth, 1.0),
        (Collective::Broadcast, P::InNetworkReduction) => (1.0, 1.0),
        (Collective::AllToAll, P::Direct) => (n - 1.0, others),
        (Collective::AllToAll, P::Bruck) => (depth, depth / 2.0),
        (Collective::PointToPoint, P::Direct) => (1.0, 1.0),
        _ => return None,
    };
    Some(Steps { hops, volume })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_moves_the_least_and_the_tree_hops_the_least() {
        for n in [2.0, 3.0, 8.0, 1000.0] {
            let of = |pattern| steps(Collective::AllReduce, pattern, n, None).unwrap();
            assert!((of(Pattern::Ring).volume - 2.0 * (n - 1.0) / n).abs() < 1e-15);
            assert!(of(Pattern::Tree).volume > of(Pattern::Ring).volume);
            assert!(of(Pattern::DoubleBinaryTree).hops <= of(Pattern::Ring).hops);
            assert!(of(Pattern::InNetworkReduction).volume > 1.0, "a rank must send all it has");
        }
    }

    #[test]
    fn an_all_reduce_is_a_reduce_scatter_and_an_all_gather() {
        let [all, half] = [Collective::AllReduce, Collective::AllGather]
            .map(|collective| steps(collective, Pattern::Ring, 8.0, None).unwrap());
        assert_eq!((all.hops, all.volume), (2.0 * half.hops, 2.0 * half.volume));
    }

    #[test]
    fn depth_is_the_rounded_up_logarithm() {
        let depths = [1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 9.0, 1e6].map(tree_depth);
        let expected = [0.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 20.0];
        assert!(
            depths.iter().zip(expected).all(|(depth, wanted)| (depth - wanted).abs() < 1e-12),
            "{depths:?}"
        );
    }
}

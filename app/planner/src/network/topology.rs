//! How nodes (or the chips of a pod) are wired, and what of a link a job can use.
//!
//! ```text
//! torus, all-to-all: each rank can use 4 x link / (dimensions x longest side), from the bisection
//! fat-tree:          each rank can use link / (oversubscription x share of its traffic that leaves the leaf)
//! ```
//! Sources: Dally and Towles, "Principles and Practices of Interconnection Networks" (2004), chapters 3 to 5; NVIDIA DGX
//! SuperPOD reference architecture for rail-optimised leaves. The bisection of a 16 x 16 torus of 100 GB/s links that
//! this gives (3.2 TB/s) is the one that Google states for TPU v6e.

use super::error::{NetworkError, within};
use crate::units::BytesPerSecond;

/// What the ranks send at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// Each accelerator to the next one of its own rail: rings and trees laid along the wiring.
    Neighbours,
    /// Every rank to every other.
    AllToAll,
}

/// Wiring of one level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Topology {
    /// One switch, or wires between all pairs.
    SingleSwitch,
    /// Leaves of `nodes_per_leaf` nodes under a spine with `1 / oversubscription` of their bandwidth.
    FatTree {
        /// Nodes under one leaf switch.
        nodes_per_leaf: u32,
        /// Bandwidth into a leaf over bandwidth out of it; 1 is a full tree.
        oversubscription: f64,
    },
    /// Accelerator `i` of every node is on leaf `i` of its group, so that a rail stays on one switch.
    RailOptimised {
        /// Nodes of one group of leaves.
        nodes_per_leaf: u32,
        /// Bandwidth into a leaf over bandwidth out of it; 1 is a full tree.
        oversubscription: f64,
    },
    /// A ring in each of two or three dimensions; a side of 1 is no dimension.
    Torus {
        /// Chips along each dimension.
        sides: [u32; 3],
        /// Whether the ends are joined; a mesh has half the bisection.
        wrapped: bool,
    },
}

impl Topology {
    /// Rejects sizes that no network has.
    ///
    /// # Errors
    /// The field, what it was and what it may be.
    pub fn check(&self) -> Result<(), NetworkError> {
        match *self {
            Self::SingleSwitch => Ok(()),
            Self::FatTree { nodes_per_leaf, oversubscription }
            | Self::RailOptimised { nodes_per_leaf, oversubscription } => {
                within("nodes_per_leaf", f64::from(nodes_per_leaf), 1.0, 4_096.0)?;
                within("oversubscription", oversubscription, 1.0, 64.0).map(|_| ())
            }
            Self::Torus { sides, .. } => {
                sides.iter().try_for_each(|side| within("sides", f64::from(*side), 1.0, 1_024.0).map(|_| ()))
            }
        }
    }

    /// Bandwidth that each rank of a job can use at once, from the link's bandwidth per rank.
    ///
    /// `nodes` is what the level joins: nodes outside (each with `ranks_per_node` ranks), chips inside (1 rank each).
    ///
    /// # Errors
    /// A size out of range; a job with more chips than the torus.
    pub fn usable(
        &self,
        link: BytesPerSecond,
        nodes: u32,
        ranks_per_node: u32,
        traffic: Traffic,
    ) -> Result<BytesPerSecond, NetworkError> {
        self.check()?;
        let (count, per_node) = (f64::from(nodes.max(1)), f64::from(ranks_per_node.max(1)));
        let share = match (*self, traffic) {
            (Self::SingleSwitch, _) => 1.0,
            (Self::FatTree { nodes_per_leaf, oversubscription }, _) => {
                tree_share(count, f64::from(nodes_per_leaf), oversubscription, traffic)
            }
            (Self::RailOptimised { nodes_per_leaf, oversubscription }, Traffic::Neighbours) => {
                tree_share(count, f64::from(nodes_per_leaf), oversubscription, traffic)
            }
            (Self::RailOptimised { nodes_per_leaf, oversubscription }, Traffic::AllToAll) => {
                // Only the share of the traffic that stays on the own rail and group avoids the spine.
                let stays = (count.min(f64::from(nodes_per_leaf)) - 1.0) / (count - 1.0).max(1.0) / per_node;
                if count <= 1.0 { 1.0 } else { spine_share(oversubscription, 1.0 - stays) }
            }
            (Self::Torus { sides, wrapped }, _) => return torus(link, sides, wrapped, count, traffic),
        };
        Ok(link * share)
    }

    /// Steps of a ring along each dimension in turn, `sum(side - 1)`; `None` where a ring of all ranks is laid instead.
    #[must_use]
    pub fn torus_steps(&self, ranks: f64) -> Option<f64> {
        match self {
            Self::Torus { sides, .. }
                if sides.iter().map(|side| f64::from(*side)).product::<f64>() <= ranks =>
            {
                Some(sides.iter().map(|side| f64::from(*side) - 1.0).sum())
            }
            _ => None,
        }
    }
}

/// Share of a link that a leaf's uplinks leave to each rank.
fn tree_share(nodes: f64, per_leaf: f64, oversubscription: f64, traffic: Traffic) -> f64 {
    if nodes <= per_leaf {
        return 1.0;
    }
    let leaves = match traffic {
        // A ring enters and leaves a leaf once, so one of its nodes sends upwards.
        Traffic::Neighbours => 1.0 / per_leaf,
        Traffic::AllToAll => (nodes - per_leaf) / (nodes - 1.0),
    };
    spine_share(oversubscription, leaves)
}

/// Share of a link where `upwards` of the traffic passes uplinks with `1 / oversubscription` of the bandwidth.
fn spine_share(oversubscription: f64, upwards: f64) -> f64 {
    (1.0 / (oversubscription * upwards)).min(1.0)
}

fn torus(
    link: BytesPerSecond,
    sides: [u32; 3],
    wrapped: bool,
    chips: f64,
    traffic: Traffic,
) -> Result<BytesPerSecond, NetworkError> {
    let sides = sides.map(f64::from);
    let most: f64 = sides.iter().product();
    within("ranks on the torus", chips, 1.0, most)?;
    let used = sides.iter().filter(|side| **side > 1.0).count();
    let dimensions = f64::from(u8::try_from(used).unwrap_or(3)).max(1.0);
    let longest = sides.iter().copied().fold(1.0, f64::max);
    let ends = if wrapped { 1.0 } else { 0.5 };
    Ok(match traffic {
        // A slice smaller than the torus has no wrapped rings: its rings turn back over the same links.
        Traffic::Neighbours => link * if chips < most { 0.5 } else { ends },
        Traffic::AllToAll => link * (4.0 * ends / (dimensions * longest)).min(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: BytesPerSecond = BytesPerSecond(400e9);

    #[test]
    fn a_torus_has_the_published_bisection() {
        // TPU v6e, 256 chips: 3.2 TB/s. Half of the ranks send half of what they have across: 128 x usable / 2.
        let pod = Topology::Torus { sides: [16, 16, 1], wrapped: true };
        let usable = pod.usable(LINK, 256, 1, Traffic::AllToAll).unwrap();
        assert!((usable.0 * 128.0 / 2.0 / 3.2e12 - 1.0).abs() < 1e-12, "{usable:?}");
        assert_eq!(pod.usable(LINK, 256, 1, Traffic::Neighbours), Ok(LINK));
        assert!(pod.usable(LINK, 64, 1, Traffic::Neighbours).unwrap() < LINK);
        assert!(pod.usable(LINK, 257, 1, Traffic::Neighbours).unwrap_err().to_string().contains("256"));
        assert_eq!(pod.torus_steps(256.0), Some(30.0));
    }

    #[test]
    fn oversubscription_costs_what_crosses_the_spine() {
        let tree = Topology::FatTree { nodes_per_leaf: 4, oversubscription: 4.0 };
        assert_eq!(tree.usable(LINK, 4, 8, Traffic::AllToAll), Ok(LINK), "one leaf needs no spine");
        assert_eq!(tree.usable(LINK, 64, 8, Traffic::Neighbours), Ok(LINK), "one node in four sends upwards");
        let all = tree.usable(LINK, 64, 8, Traffic::AllToAll).unwrap();
        assert!((all.0 / (LINK.0 / (4.0 * 60.0 / 63.0)) - 1.0).abs() < 1e-12);
        let narrow = Topology::FatTree { nodes_per_leaf: 2, oversubscription: 4.0 };
        assert_eq!(narrow.usable(LINK, 64, 8, Traffic::Neighbours), Ok(LINK * 0.5));
        let full = Topology::FatTree { nodes_per_leaf: 2, oversubscription: 1.0 };
        assert_eq!(full.usable(LINK, 64, 8, Traffic::AllToAll), Ok(LINK));
    }

    #[test]
    fn a_rail_keeps_neighbours_off_the_spine_but_not_strangers() {
        let rails = Topology::RailOptimised { nodes_per_leaf: 32, oversubscription: 2.0 };
        assert_eq!(rails.usable(LINK, 32, 8, Traffic::Neighbours), Ok(LINK));
        let all = rails.usable(LINK, 32, 8, Traffic::AllToAll).unwrap();
        assert!(
            (all.0 / (LINK.0 / (2.0 * 7.0 / 8.0)) - 1.0).abs() < 1e-12,
            "seven rails of eight are others"
        );
    }

    #[test]
    fn absurd_sizes_are_refused_by_name() {
        for (topology, field) in [
            (Topology::FatTree { nodes_per_leaf: 0, oversubscription: 1.0 }, "nodes_per_leaf"),
            (Topology::FatTree { nodes_per_leaf: 8, oversubscription: f64::NAN }, "oversubscription"),
            (Topology::RailOptimised { nodes_per_leaf: 8, oversubscription: 0.5 }, "oversubscription"),
            (Topology::Torus { sides: [4, 0, 1], wrapped: true }, "sides"),
        ] {
            let error = topology.usable(LINK, 4, 8, Traffic::Neighbours).unwrap_err().to_string();
            assert!(error.contains(field) && error.contains("from"), "{error}");
        }
    }
}

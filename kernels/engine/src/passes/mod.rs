//! Passes: a graph becomes an equivalent graph that costs less.
//!
//! Each pass reads a recorded graph and writes a new one, with where every old node went; none changes a graph in
//! place. All but mixed precision keep every value, and all but fusion and layout keep the order of arithmetic.
//! Epilogues, in-place results and the packing of the arena are choices of the plan and are switched here too.

mod common_subexpressions;
mod constant_folding;
mod dead_code;
mod effects;
mod fusion;
mod layout;
mod mixed_precision;
mod recomputation;
mod report;
mod rewriter;

pub use common_subexpressions::common_subexpressions;
pub use constant_folding::constant_folding;
pub use dead_code::dead_code;
pub use fusion::fusion;
pub use layout::layout;
pub use mixed_precision::mixed_precision;
pub use recomputation::recomputation;
pub use report::{Cost, PassReport, reports};

use crate::{
    graph::{Graph, NodeId},
    plan::PlanOptions,
};

/// A rewritten graph with where each node of the old one went.
#[derive(Debug, Clone)]
pub struct Rewritten {
    /// The new graph.
    pub graph: Graph,
    /// New ids by old ones; `None` where the value does not exist any more.
    pub moved: Vec<Option<NodeId>>,
}

impl Rewritten {
    /// Where a node went. Kept nodes always went somewhere; of others the old id is all there is to say.
    #[must_use]
    pub fn id(&self, old: NodeId) -> NodeId {
        self.moved.get(old.index()).copied().flatten().unwrap_or(old)
    }

    /// Where a prefix of the old graph ends in the new one.
    #[must_use]
    pub fn boundary(&self, old: usize) -> usize {
        self.moved.iter().take(old).flatten().map(|id| id.index() + 1).max().unwrap_or(0)
    }
}

/// From graph to graph; the nodes to keep are those that the host reads and writes.
pub type GraphPass = fn(&Graph, &[NodeId]) -> Rewritten;

/// One pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pass {
    /// Removes what nobody reads.
    DeadCode,
    /// Equal computations are made once.
    CommonSubexpressions,
    /// What depends on constants only is computed now.
    ConstantFolding,
    /// Transposes become flags of products.
    Layout,
    /// Elementwise chains become one kernel.
    Fusion,
    /// What follows a product elementwise is part of its kernel.
    Epilogues,
    /// Results take the place of inputs that nobody needs any more.
    InPlace,
    /// Values that are never alive together share memory.
    ArenaPacking,
}

impl Pass {
    /// All, in the order in which they run.
    pub const ALL: [Self; 8] = [
        Self::DeadCode,
        Self::CommonSubexpressions,
        Self::ConstantFolding,
        Self::Layout,
        Self::Fusion,
        Self::Epilogues,
        Self::InPlace,
        Self::ArenaPacking,
    ];

    /// Name in links and settings.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::DeadCode => "dead_code",
            Self::CommonSubexpressions => "common_subexpressions",
            Self::ConstantFolding => "constant_folding",
            Self::Layout => "layout",
            Self::Fusion => "fusion",
            Self::Epilogues => "epilogues",
            Self::InPlace => "in_place",
            Self::ArenaPacking => "arena_packing",
        }
    }

    /// What it does, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::DeadCode => "Leave out what nobody reads",
            Self::CommonSubexpressions => "Compute equal values once",
            Self::ConstantFolding => "Compute constants ahead of time",
            Self::Layout => "Turn transposes into flags of products",
            Self::Fusion => "Join elementwise steps into one kernel",
            Self::Epilogues => "Finish products inside their kernel",
            Self::InPlace => "Write results over inputs that are done with",
            Self::ArenaPacking => "Share memory between values that never meet",
        }
    }

    /// The rewriting, where it is one of the graph and not a choice of the plan.
    #[must_use]
    pub const fn graph_pass(self) -> Option<GraphPass> {
        match self {
            Self::DeadCode => Some(dead_code),
            Self::CommonSubexpressions => Some(common_subexpressions),
            Self::ConstantFolding => Some(constant_folding),
            Self::Layout => Some(layout),
            Self::Fusion => Some(fusion),
            Self::Epilogues | Self::InPlace | Self::ArenaPacking => None,
        }
    }
}

/// Which passes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that a visitor flips")]
pub struct PassSet {
    /// [`Pass::DeadCode`]
    pub dead_code: bool,
    /// [`Pass::CommonSubexpressions`]
    pub common_subexpressions: bool,
    /// [`Pass::ConstantFolding`]
    pub constant_folding: bool,
    /// [`Pass::Layout`]
    pub layout: bool,
    /// [`Pass::Fusion`]
    pub fusion: bool,
    /// [`Pass::Epilogues`]
    pub epilogues: bool,
    /// [`Pass::InPlace`]
    pub in_place: bool,
    /// [`Pass::ArenaPacking`]
    pub arena_packing: bool,
}

impl Default for PassSet {
    fn default() -> Self {
        Self::all()
    }
}

impl PassSet {
    /// Every pass.
    #[must_use]
    pub const fn all() -> Self {
        Self::uniform(true)
    }

    /// No pass: the graph as it was recorded.
    #[must_use]
    pub const fn none() -> Self {
        Self::uniform(false)
    }

    const fn uniform(on: bool) -> Self {
        Self {
            dead_code: on,
            common_subexpressions: on,
            constant_folding: on,
            layout: on,
            fusion: on,
            epilogues: on,
            in_place: on,
            arena_packing: on,
        }
    }

    /// This set with one pass switched.
    #[must_use]
    pub const fn with(mut self, pass: Pass, on: bool) -> Self {
        *self.slot(pass) = on;
        self
    }

    /// Whether a pass runs.
    #[must_use]
    pub const fn has(mut self, pass: Pass) -> bool {
        *self.slot(pass)
    }

    const fn slot(&mut self, pass: Pass) -> &mut bool {
        match pass {
            Pass::DeadCode => &mut self.dead_code,
            Pass::CommonSubexpressions => &mut self.common_subexpressions,
            Pass::ConstantFolding => &mut self.constant_folding,
            Pass::Layout => &mut self.layout,
            Pass::Fusion => &mut self.fusion,
            Pass::Epilogues => &mut self.epilogues,
            Pass::InPlace => &mut self.in_place,
            Pass::ArenaPacking => &mut self.arena_packing,
        }
    }

    /// The rewritings of this set, in order. Passes leave nodes behind that nobody reads; they are swept up at the
    /// end.
    #[must_use]
    pub fn graph_passes(&self) -> Vec<GraphPass> {
        let chosen = Pass::ALL.into_iter().filter(|pass| self.has(*pass));
        let mut passes: Vec<GraphPass> = chosen.filter_map(Pass::graph_pass).collect();
        if self.dead_code {
            passes.push(dead_code);
        }
        passes
    }

    /// The choices of the plan that this set makes; what the options forbid stays forbidden.
    #[must_use]
    pub const fn options(&self, mut options: PlanOptions) -> PlanOptions {
        options.epilogues = options.epilogues && self.epilogues;
        options.in_place = options.in_place && self.in_place;
        options.packs = options.packs && self.arena_packing;
        options
    }
}

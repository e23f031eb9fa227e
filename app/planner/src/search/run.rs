//! The search itself.

use super::front::Front;
use super::grid::{Axis, Factors, Grid};
use super::space::{Choice, Split, choices, layout, splits};
use crate::residual::Point;
use crate::training::{
    Chip, LARGEST_GROWTH, Layout, Step, TrainingModel, USABLE, Workload, memory, point, step,
};

/// What a layout costs, as straight lines in its load: found by whoever knows prices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Priced {
    /// USD per second of the whole fleet, idle and at full load.
    pub usd_per_second: [f64; 2],
    /// Watts of the whole fleet at the meter, idle and at full load.
    pub watts: [f64; 2],
    /// Optimizer steps of the run.
    pub step_count: f64,
}

/// A layout with its figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Which fleet, where several are searched.
    pub fleet: usize,
    /// The layout.
    pub layout: Layout,
    /// Seconds of a step.
    pub seconds: f64,
    /// One in ten is faster.
    pub low: f64,
    /// One in ten is slower.
    pub high: f64,
    /// The parts of the step.
    pub step: Step,
    /// Bytes on the fullest accelerator.
    pub memory_bytes: f64,
    /// Seconds of the run.
    pub time: f64,
    /// USD of the run.
    pub cost: f64,
    /// Joules of the run.
    pub energy: f64,
}

impl Candidate {
    /// Time, cost, energy, memory.
    #[must_use]
    pub const fn figures(&self) -> [f64; 4] {
        [self.time, self.cost, self.energy, self.memory_bytes]
    }
}

/// What is asked of the search.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Goal {
    /// Longest time of the run, seconds.
    pub deadline: Option<f64>,
    /// Most that it may cost, USD.
    pub budget: Option<f64>,
}

impl Goal {
    /// Whether a candidate keeps deadline and budget.
    #[must_use]
    pub fn met(&self, candidate: &Candidate) -> bool {
        self.deadline.is_none_or(|most| candidate.time <= most)
            && self.budget.is_none_or(|most| candidate.cost <= most)
    }

    /// What is made small: the cost where a deadline is given, else the time; the other, then memory, break ties.
    #[must_use]
    pub const fn key(&self, candidate: &Candidate) -> [f64; 3] {
        if self.deadline.is_some() {
            [candidate.cost, candidate.time, candidate.memory_bytes]
        } else {
            [candidate.time, candidate.cost, candidate.memory_bytes]
        }
    }
}

/// One model on one fleet.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The fitted model.
    pub model: &'a TrainingModel,
    /// What is trained.
    pub workload: &'a Workload,
    /// On what.
    pub chip: &'a Chip,
    /// The chip's place in the catalog.
    pub chip_number: u32,
    /// Accelerators.
    pub count: u32,
    /// Number of this fleet.
    pub fleet: usize,
    /// What it costs.
    pub priced: Priced,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Searched {
    /// Layouts.
    pub considered: u64,
    /// Those that fit.
    pub fitting: u64,
}

/// Everything that a search finds.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// How much was looked at.
    pub searched: Searched,
    /// The best by the goal, best first, at most as many as asked for; one layout for each split.
    pub best: Vec<Candidate>,
    /// The front over time, cost, energy and memory.
    pub front: Front,
}

impl Found {
    /// Takes a candidate in; `most` is the length of the list of the best.
    pub fn offer(&mut self, candidate: &Candidate, goal: &Goal, most: usize) {
        self.front.offer(candidate);
        if !goal.met(candidate) {
            return;
        }
        let key = |candidate: &Candidate| goal.key(candidate);
        let same = |other: &Candidate| {
            let (a, b) = (&other.layout, &candidate.layout);
            other.fleet == candidate.fleet
                && a.tensor_parallel_size == b.tensor_parallel_size
                && a.pipeline_parallel_size == b.pipeline_parallel_size
                && a.context_parallel_size == b.context_parallel_size
                && a.expert_parallel_size == b.expert_parallel_size
                && a.micro_batch_size == b.micro_batch_size
        };
        if let Some(at) = self.best.iter().position(same) {
            if self.best.get(at).is_some_and(|old| less(&key(old), &key(candidate))) {
                return;
            }
            self.best.remove(at);
        }
        let at = self.best.partition_point(|old| less(&key(old), &key(candidate)));
        if at < most {
            self.best.insert(at, *candidate);
            self.best.truncate(most);
        }
    }
}

fn less(left: &[f64; 3], right: &[f64; 3]) -> bool {
    let order = left.iter().zip(right).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
    order.is_none_or(std::cmp::Ordering::is_lt)
}

/// Features that a split sets, as [`point`] orders them.
const SPLIT_AXES: [Axis; 6] = [
    Axis::Continuous(3),
    Axis::Continuous(4),
    Axis::Continuous(5),
    Axis::Continuous(6),
    Axis::Continuous(7),
    Axis::Continuous(8),
];

/// Features that a choice sets.
const CHOICE_AXES: [Axis; 3] = [Axis::Continuous(9), Axis::Continuous(11), Axis::Category(4)];

/// Two corrections, with the factors of everything that was met before.
struct Prepared<'a> {
    time: Grid<'a>,
    memory: Grid<'a>,
    choices: Vec<(Choice, [Factors; 2])>,
}

impl Prepared<'_> {
    fn of_split(&self, at: &Point) -> [Factors; 2] {
        let chain = |grid: &Grid<'_>| {
            SPLIT_AXES.into_iter().fold(grid.fixed(), |factors, axis| grid.along(&factors, axis, at))
        };
        [chain(&self.time), chain(&self.memory)]
    }

    fn place_of(&mut self, choice: Choice, at: impl FnOnce() -> Point) -> usize {
        if let Some(place) = self.choices.iter().position(|(known, _)| *known == choice) {
            return place;
        }
        let at = at();
        let chain = |grid: &Grid<'_>| {
            CHOICE_AXES.into_iter().fold(grid.ones(), |factors, axis| grid.along(&factors, axis, &at))
        };
        let factors = [chain(&self.time), chain(&self.memory)];
        self.choices.push((choice, factors));
        self.choices.len() - 1
    }
}

impl<'a> Search<'a> {
    fn at(&self, layout: &Layout) -> Point {
        point(self.workload, layout, self.chip, self.chip_number)
    }

    fn prepare(&self) -> Prepared<'a> {
        let split = Split { tensor: 1, pipeline: 1, context: 1, expert: 1, micro_batch: 1 };
        let choice = Choice {
            recomputation: crate::training::Recomputation::None,
            sharding: crate::training::Sharding::None,
            chunks: 1,
        };
        let base = self.at(&layout(self.count, split, choice));
        let axes: Vec<Axis> = SPLIT_AXES.into_iter().chain(CHOICE_AXES).collect();
        Prepared {
            time: Grid::new(&self.model.time, &base, &axes),
            memory: Grid::new(&self.model.memory, &base, &axes),
            choices: Vec::new(),
        }
    }

    /// Predicts every layout; `each` gets those that fit, `between` is called after every split with the share done
    /// and says whether to go on.
    pub fn run(&self, each: &mut dyn FnMut(&Candidate), between: &mut dyn FnMut(f64) -> bool) -> Searched {
        let mut prepared = self.prepare();
        let mut searched = Searched::default();
        let all = splits(self.workload, self.chip, self.count);
        let layers = self.workload.shape.num_hidden_layers;
        for (done, split) in all.iter().enumerate() {
            let mut of_split: Option<[Factors; 2]> = None;
            for choice in choices(*split, layers) {
                let layout = layout(self.count, *split, choice);
                let outer = of_split.get_or_insert_with(|| prepared.of_split(&self.at(&layout)));
                let place = prepared.place_of(choice, || self.at(&layout));
                searched.considered += 1;
                let Some((_, inner)) = prepared.choices.get(place) else { continue };
                if let Some(candidate) = self.predict(&prepared, &layout, [outer, inner]) {
                    searched.fitting += 1;
                    each(&candidate);
                }
            }
            if !between((done + 1) as f64 / all.len() as f64) {
                break;
            }
        }
        searched
    }

    fn predict(
        &self,
        prepared: &Prepared<'_>,
        layout: &Layout,
        factors: [&[Factors; 2]; 2],
    ) -> Option<Candidate> {
        let [[time_outer, memory_outer], [time_inner, memory_inner]] = factors;
        let (held, usable) = (memory(self.workload, layout).total(), self.chip.memory_bytes * USABLE);
        if held > usable * LARGEST_GROWTH {
            return None;
        }
        let said = prepared.memory.correction(memory_outer, memory_inner);
        let memory_bytes = held * self.model.memory_growth(said.log_mean);
        if memory_bytes > usable {
            return None;
        }
        let physics = step(self.workload, layout, self.chip, &self.model.parameters);
        let correction = prepared.time.correction(time_outer, time_inner);
        let factor = libm::exp(correction.log_mean);
        let seconds = physics.total() * factor;
        let width = libm::exp(correction.log_half_width);
        let (time, load) = (seconds * self.priced.step_count, crate::cost::load(&physics));
        let line = |[idle, full]: [f64; 2]| idle + (full - idle) * load;
        Some(Candidate {
            fleet: self.fleet,
            layout: *layout,
            seconds,
            low: seconds / width,
            high: seconds * width,
            step: physics.scaled(factor),
            memory_bytes,
            time,
            cost: line(self.priced.usd_per_second) * time,
            energy: line(self.priced.watts) * time,
        })
    }
}

//! Physics, corrected by published measurements nearby, with its interval.

use super::features::point;
use super::layout::{Chip, Layout, LayoutError, Workload};
use super::memory::{Memory, memory};
use super::parameters::Parameters;
use super::step::{Step, step};
use crate::calibration::file::Numbers;
use crate::calibration::memory::failed_runs;
use crate::calibration::training::{Observation, carried, observations};
use crate::catalog::Catalog;
use crate::residual::Residual;

/// The fitted model. Built once by whoever asks: the planner holds no state of its own.
#[derive(Debug, Clone)]
pub struct TrainingModel {
    /// Of the physics.
    pub parameters: Parameters,
    /// What published step times say of it.
    pub time: Residual,
    /// What published memory says of it.
    pub memory: Residual,
    /// Added to the memory's logarithm, so that at most one row in twenty needs 5 % more than is said.
    pub memory_margin: f64,
}

/// What the model says of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingPrediction {
    /// Seconds of a step.
    pub seconds: f64,
    /// One run in ten is faster.
    pub low: f64,
    /// One run in ten is slower.
    pub high: f64,
    /// The parts, as physics shares them out; they sum to `seconds`.
    pub step: Step,
    /// The parts of the memory; they sum to `memory_bytes`.
    pub memory: Memory,
    /// Memory of the fullest accelerator.
    pub memory_bytes: f64,
    /// Whether it fits with what a framework keeps free.
    pub fits: bool,
    /// Nearness of the nearest published run, 0 to 1.
    pub nearness: f64,
}

/// Bounds of what measurements may change in the memory of physics.
pub const LARGEST_GROWTH: f64 = 3.0;

/// Share of an accelerator's memory beyond which a run is said not to fit: a step that needs more fails on fragments
/// and on buffers of the network's library. All published runs that ran out of memory are beyond it.
pub const USABLE: f64 = 0.94;

impl TrainingModel {
    /// The model with the committed fit.
    ///
    /// # Errors
    /// What the committed files lack; a test keeps it from happening.
    pub fn builtin(catalog: &Catalog) -> Result<Self, String> {
        let numbers = Numbers::read(include_str!("../../calibration/training.csv"))?;
        let (runs, _) = observations(&carried()?, catalog);
        Self::of(&numbers, &runs)
    }

    /// The model that a fit describes.
    ///
    /// # Errors
    /// What the fit lacks.
    pub fn of(numbers: &Numbers, runs: &[Observation]) -> Result<Self, String> {
        let mut parameters = Parameters::NEUTRAL;
        for (name, at, _, _) in Parameters::RANGES {
            *at(&mut parameters) = numbers.one("parameter", name)?;
        }
        //
        let failed = failed_runs(Catalog::builtin());
        let anchor = |id: &str| {
            let ran = runs.iter().find(|o| o.run.id == id).map(|o| o.point);
            let out_of_memory = || failed.iter().find(|run| run.id == id);
            ran.or_else(|| out_of_memory().map(|r| point(&r.workload, &r.layout, &r.chip, r.chip_number)))
        };
        Ok(Self {
            parameters,
            time: numbers.residual("time", &anchor)?,
            memory: numbers.residual("memory", &anchor)?,
            memory_margin: numbers.one("memory", "margin")?,
        })
    }

    /// Factor on the memory of physics for a correction, margin included; no reading is farther off than
    /// [`LARGEST_GROWTH`].
    #[must_use]
    pub fn memory_growth(&self, log_mean: f64) -> f64 {
        (libm::exp(log_mean) * libm::exp(self.memory_margin)).clamp(1.0 / LARGEST_GROWTH, LARGEST_GROWTH)
    }

    /// Predicts a run.
    ///
    /// # Errors
    /// [`LayoutError`] where the layout cannot be run.
    pub fn predict(
        &self,
        workload: &Workload,
        layout: &Layout,
        chip: &Chip,
        chip_number: u32,
    ) -> Result<TrainingPrediction, LayoutError> {
        layout.check(workload)?;
        Ok(self.predict_checked(workload, layout, chip, chip_number))
    }

    /// The same for a layout that was checked before.
    #[must_use]
    pub fn predict_checked(
        &self,
        workload: &Workload,
        layout: &Layout,
        chip: &Chip,
        chip_number: u32,
    ) -> TrainingPrediction {
        let physics = step(workload, layout, chip, &self.parameters);
        let at = point(workload, layout, chip, chip_number);
        let correction = self.time.predict(&at);
        let factor = libm::exp(correction.log_mean);
        let seconds = physics.total() * factor;
        let width = libm::exp(correction.log_half_width);
        let held = memory(workload, layout);
        let grown = self.memory_growth(self.memory.predict(&at).log_mean);
        let memory_bytes = held.total() * grown;
        TrainingPrediction {
            seconds,
            low: seconds / width,
            high: seconds * width,
            step: physics.scaled(factor),
            memory: held.scaled(grown),
            memory_bytes,
            fits: memory_bytes <= chip.memory_bytes * USABLE,
            nearness: correction.nearness,
        }
    }
}

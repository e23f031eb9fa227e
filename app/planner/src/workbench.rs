//! Everything that a link holds.

use crate::{experiment::Experiment, scenario::Scenario};
use serde::{Deserialize, Serialize};

/// A page of the workbench; routes live in the fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// Start page.
    #[default]
    Start,
    /// What this machine is.
    Device,
    /// Train, quantise, draw.
    Train,
    /// Scenario and prediction.
    Scenario,
}

/// The whole state of the workbench: page, experiment, scenario. Plain and comparable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Workbench {
    /// Open page.
    pub page: Page,
    /// Training settings.
    pub experiment: Experiment,
    /// System and run to predict.
    pub scenario: Scenario,
}

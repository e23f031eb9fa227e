//! What the visitor trains in the tab. Plain values: they live in the store and in the link.
//!
//! Bounds are part of the type's contract: [`Experiment::sanitised`] is applied to everything that comes
//! from outside (links, files, form fields), so no later code has to check again.

use serde::{Deserialize, Serialize};

/// The network that is trained on 28x28 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Dense: 784 -> width -> width/2 -> 10 with ReLU.
    Mlp,
    /// Convolutional: 3x3 conv (width), pool, 3x3 conv (2 x width), pool, dense 10.
    #[default]
    Cnn,
}

/// The optimiser of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Adam (Kingma and Ba 2015), beta 0.9 and 0.999.
    #[default]
    Adam,
    /// Stochastic gradient descent with momentum 0.9.
    Sgd,
}

/// Which backend runs the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum BackendChoice {
    /// Whichever measured faster on this machine, for this model.
    #[default]
    Auto,
    /// WebGPU.
    Gpu,
    /// WASM SIMD, one thread.
    Cpu,
}

/// Where the images come from. A dropped file is never in a link; a link that used one says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum DatasetChoice {
    /// 10,000 training and 2,000 held-out digits drawn from `data_seed`.
    #[default]
    Drawn,
    /// Files that the visitor dropped on the page (IDX or CSV).
    Files,
}

/// Settings of one training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Experiment {
    /// Data source.
    pub dataset: DatasetChoice,
    /// Seed of the drawn data set.
    pub data_seed: u32,
    /// Network.
    pub model: ModelKind,
    /// Hidden units (MLP, 8 to 1024) or channels of the first convolution (CNN, 4 to 64).
    pub width: u32,
    /// Examples per step, 1 to 1024.
    pub batch_size: u32,
    /// Optimiser.
    pub optimizer: Optimizer,
    /// Learning rate, 1e-6 to 10.
    pub learning_rate: f64,
    /// Passes over the training set, 1 to 100.
    pub epochs: u32,
    /// Seed of the initial weights and of the order of examples.
    pub seed: u32,
    /// Backend.
    pub backend: BackendChoice,
}

impl Default for Experiment {
    fn default() -> Self {
        Self {
            dataset: DatasetChoice::Drawn,
            data_seed: 1,
            model: ModelKind::Cnn,
            width: 16,
            batch_size: 64,
            optimizer: Optimizer::Adam,
            learning_rate: 0.002,
            epochs: 4,
            seed: 1,
            backend: BackendChoice::Auto,
        }
    }
}

impl Experiment {
    /// The width range of a model: what the form offers and what a link may hold.
    #[must_use]
    pub const fn width_range(model: ModelKind) -> (u32, u32) {
        match model {
            ModelKind::Mlp => (8, 1024),
            ModelKind::Cnn => (4, 64),
        }
    }

    /// The same settings with every number forced into its range; non-finite values become the default.
    #[must_use]
    pub fn sanitised(mut self) -> Self {
        let (low, high) = Self::width_range(self.model);
        self.width = self.width.clamp(low, high);
        self.batch_size = self.batch_size.clamp(1, 1024);
        self.epochs = self.epochs.clamp(1, 100);
        self.learning_rate = if self.learning_rate.is_finite() {
            self.learning_rate.clamp(1e-6, 10.0)
        } else {
            Self::default().learning_rate
        };
        self
    }
}

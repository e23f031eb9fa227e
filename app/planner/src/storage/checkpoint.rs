//! Bytes of a checkpoint, and the time to write and read it.
//!
//! Bytes per parameter: the weight in the run's format, the F32 master where the weight is narrower, and the
//! optimizer's moments. Mixed-precision Adam is 2 + 4 + 8 = 14 (Rajbhandari et al. 2020, without the gradient).
//!
//! Blocking: training stands still for the whole write. Asynchronous: it stands still while the state is copied to host
//! memory, and the checkpoint counts only once it is written.

use super::{Access, Case, Direction, StorageError, Store, check, pipeline_figures};
use crate::units::{Bytes, BytesPerSecond, Seconds};

/// What the optimizer keeps per parameter, beside the master weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Optimizer {
    /// Nothing.
    Sgd,
    /// One F32 moment.
    Momentum,
    /// Two F32 moments; `AdamW` too.
    Adam,
    /// Two moments of one byte (Dettmers et al. 2022; the block scales are left out).
    Adam8Bit,
    /// A row and a column of the second moment: nothing beside a matrix.
    Adafactor,
    /// One F32 moment.
    Lion,
    /// One F32 moment.
    Muon,
}

impl Optimizer {
    /// Every optimizer.
    pub const ALL: [Self; 7] =
        [Self::Sgd, Self::Momentum, Self::Adam, Self::Adam8Bit, Self::Adafactor, Self::Lion, Self::Muon];

    /// Bytes of moments per parameter.
    #[must_use]
    pub const fn moment_bytes(self) -> f64 {
        match self {
            Self::Sgd | Self::Adafactor => 0.0,
            Self::Momentum | Self::Lion | Self::Muon => 4.0,
            Self::Adam => 8.0,
            Self::Adam8Bit => 2.0,
        }
    }
}

/// What a checkpoint holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Content {
    /// Parameters of the model.
    pub parameters: f64,
    /// Bytes of one weight in the run's format (4, 2 or 1).
    pub weight_bytes: f64,
    /// Whether an F32 master is kept; a weight of four bytes is its own.
    pub master: bool,
    /// Optimizer.
    pub optimizer: Optimizer,
}

impl Content {
    /// Bytes of one checkpoint.
    ///
    /// # Errors
    /// [`StorageError::OutOfRange`] names the field.
    pub fn bytes(&self) -> Result<Bytes, StorageError> {
        let parameters = check("parameters", self.parameters, (1.0, 1e15), "")?;
        let weight = check("weight_bytes", self.weight_bytes, (0.5, 8.0), "bytes")?;
        let master = if self.master && weight < 4.0 { 4.0 } else { 0.0 };
        Ok(Bytes(parameters * (weight + master + self.optimizer.moment_bytes())))
    }
}

/// Whether training waits for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteMode {
    /// Training waits until the checkpoint is written.
    Blocking,
    /// Training waits for a copy in host memory; each of this many accelerators copies its share over its own link.
    Asynchronous {
        /// Accelerators that hold the state between them.
        accelerators: u32,
    },
}

/// Times of one checkpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CheckpointTime {
    /// Training stands still.
    pub stall: Seconds,
    /// From the end of the stall until the checkpoint can be restored from.
    pub durable_after: Seconds,
    /// All writers together take this long to write it.
    pub write: Seconds,
    /// As many readers take this long to read it back.
    pub read: Seconds,
    /// Rate of the write.
    pub throughput: BytesPerSecond,
}

/// Times of a checkpoint of `bytes` that `access.clients` machines write to `store`.
///
/// # Errors
/// [`StorageError::OutOfRange`] names the field.
pub fn checkpoint_time(
    bytes: Bytes,
    store: &Store,
    access: &Access,
    mode: WriteMode,
    case: Case,
) -> Result<CheckpointTime, StorageError> {
    check("checkpoint bytes", bytes.0, (1.0, 1e18), "bytes")?;
    let latency = Seconds(store.first_byte_seconds.less_is_better(case));
    let throughput = store.throughput(access, Direction::Write, case)?.total;
    let write = bytes / throughput + latency;
    let read = bytes / store.throughput(access, Direction::Read, case)?.total + latency;
    let (stall, durable_after) = match mode {
        WriteMode::Blocking => (write, Seconds(0.0)),
        WriteMode::Asynchronous { accelerators } => {
            let accelerators = check("accelerators", f64::from(accelerators), (1.0, 1e7), "")?;
            let link = pipeline_figures().host_to_device_bytes_per_second.more_is_better(case);
            (bytes / BytesPerSecond(link * accelerators), write)
        }
    };
    Ok(CheckpointTime { stall, durable_after, write, read, throughput })
}

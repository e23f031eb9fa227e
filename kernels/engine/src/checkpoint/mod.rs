//! Checkpoints of a training run: everything that an exact resume needs, in one file that proves itself whole.
//!
//! `codec` turns a checkpoint into bytes and back; `generations` decides which files to write, and in which order,
//! so that neither a full disk nor a closed tab can lose the last good one. What a model or its settings are is
//! text that this module does not look into.

mod codec;
mod error;
pub mod generations;
#[cfg(test)]
mod generations_tests;
mod head;
mod sha256;
#[cfg(test)]
mod tests;

pub use codec::{FORMAT_VERSION, LARGEST_BLOB_COUNT};
pub use error::CheckpointError;
pub use head::LARGEST_HEAD_BYTES;
pub use sha256::{Digest, sha256};

/// Where a run was, and what its blobs belong to. The format's version is in the file, see [`FORMAT_VERSION`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckpointHead {
    /// Build that wrote it: another build may choose other kernels and so give other last bits.
    pub build_id: String,
    /// The network, as the caller writes it.
    pub model: String,
    /// The experiment, as the caller writes it.
    pub settings: String,
    /// Steps done.
    pub step: u64,
    /// Passes over the training data done.
    pub epoch: u64,
    /// Position in the data, in the caller's unit.
    pub data_cursor: u64,
    /// Seed of every random stream.
    pub seed: u64,
    /// Counters of the random streams, in the caller's order.
    pub counters: Vec<u64>,
    /// Position in the learning-rate schedule.
    pub schedule_position: u64,
    /// The kernels chosen by measuring, as the caller writes them.
    pub tuning: String,
}

/// A head and named words: weights, moments, averages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// Where the run was.
    pub head: CheckpointHead,
    /// Names, each once, with their words (mostly the bits of f32).
    pub blobs: Vec<(String, Vec<u32>)>,
}

impl Checkpoint {
    /// The words of a blob.
    #[must_use]
    pub fn blob(&self, name: &str) -> Option<&[u32]> {
        self.blobs.iter().find(|(other, _)| other == name).map(|(_, words)| words.as_slice())
    }
}

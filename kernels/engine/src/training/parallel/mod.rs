//! Data parallelism: replicas of one model, each on its share of the batch, with gradients summed over a ring while
//! the backward pass still runs. Pure: channels, clocks of the network and workers are the caller's.

mod bucket;
mod link;
mod replica;
mod ring;
mod share;

pub use bucket::{GradientBucket, bucket_ranges, ready_times};
pub use link::{Held, Link};
pub use replica::{Channel, ReplicaSession, ReplicaSettings, StepTimes, Turn};
pub use ring::{MOST_RANKS, Out, Ring, RingMessage, RingPhase, chunk_range};
pub use share::{ShareOfBatch, share};

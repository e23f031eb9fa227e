//! Prefill and decode of a language model on a real system.
//!
//! ```text
//! decode step  = layers x (weights and cache read + products + exchange + launches) + output + engine
//! request      = prefill + output tokens x time per output token
//! time per output token = decode step at the running batch + share of the prefills that run between its steps
//! ```
//! A step reads every weight that its batch meets once: of `E` experts, `b` tokens with `k` choices each meet
//! `E (1 - (1 - k/E)^b)`. With continuous batching, every request that finishes is replaced by one whose prefill
//! delays all the others: in the steady state, each of `c` users sees `c - 1` prefills while its own answer grows.
//!
//! Physics first, one set of parameters; what it leaves is learnt from published rows nearby ([`crate::residual`]).

mod features;
mod model;
mod parameters;
mod step;

pub use features::{point, word_number};
pub use model::{ServingModel, ServingPrediction};
pub use parameters::ServingParameters;
pub use step::{Mode, ServingChip, ServingLayout, ServingTimes, ServingWorkload, cache_bytes_per_token, times};

//! A simulated link: it delays what a real channel has delivered, so that a slower network can be tried.
//!
//! `due = max(now, when the link is free) + bytes / bandwidth + latency`: messages queue behind one another for the
//! wire, and latency is paid by each but not queued for. It can only slow a channel down; what the channel itself
//! takes comes on top. Left out on purpose: packets, loss, congestion of shared switches.

use super::RingMessage;
use std::collections::VecDeque;

/// One direction between two ranks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    seconds_per_byte: f64,
    latency_seconds: f64,
    free_at: f64,
}

impl Link {
    /// A link of so many Gb/s (10^9 bits) and seconds of latency. A bandwidth that is not positive and finite means:
    /// no limit.
    #[must_use]
    pub fn new(bandwidth_gbit_per_second: f64, latency_seconds: f64) -> Self {
        let has_limit = bandwidth_gbit_per_second.is_finite() && bandwidth_gbit_per_second > 0.0;
        let seconds_per_byte = if has_limit { 8e-9 / bandwidth_gbit_per_second } else { 0.0 };
        let latency_seconds = if latency_seconds.is_finite() { latency_seconds.max(0.0) } else { 0.0 };
        Self { seconds_per_byte, latency_seconds, free_at: f64::NEG_INFINITY }
    }

    /// When a message that is sent at `now` is there; takes the link until its last byte has left. In seconds of the
    /// clock of `now`.
    pub fn due(&mut self, now: f64, bytes: f64) -> f64 {
        self.free_at = self.free_at.max(now) + bytes * self.seconds_per_byte;
        self.free_at + self.latency_seconds
    }
}

/// Messages that have come and are not due yet, in their order.
#[derive(Debug, Default)]
pub struct Held {
    queue: VecDeque<(f64, RingMessage)>,
}

impl Held {
    /// Keeps a message until `due`.
    pub fn push(&mut self, due: f64, message: RingMessage) {
        self.queue.push_back((due, message));
    }

    /// The next message, if it is due. A channel is FIFO, and so is this.
    pub fn pop(&mut self, now: f64) -> Option<RingMessage> {
        let is_due = self.queue.front().is_some_and(|(due, _)| *due <= now);
        if is_due { self.queue.pop_front().map(|(_, message)| message) } else { None }
    }

    /// When the next message is due.
    #[must_use]
    pub fn next_due(&self) -> Option<f64> {
        self.queue.front().map(|(due, _)| *due)
    }
}

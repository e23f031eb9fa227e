//! The parameters of the network model: one set for every machine.

use super::error::NetworkError;
use super::fabric::{Answer, Call, Fabric};
use super::fitting::Left;
use super::predict::predict;
use crate::calibration::file::Numbers;

/// Fitted on published measurements ([`super::fit`]); each has a meaning and a plausible range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Least time of a collective that a framework issues outside a captured graph, seconds: the ranks' hosts arrive at
    /// different times and the kernel waits.
    pub floor_seconds: f64,
    /// Software's part of a hop inside a node in the protocol for large messages, seconds.
    pub hop_inside_seconds: f64,
    /// Latencies of the link in one hop between nodes: the request, the data, its completion and their echoes follow each
    /// other. The software's own part is NCCL's and fixed.
    pub latencies_outside: f64,
    /// The same for a switch that adds up.
    pub hop_reduction_seconds: f64,
    /// Share of the large-message bandwidth that the protocol for small messages keeps (flags travel with the data).
    pub low_latency_share: f64,
    /// Share of the link inside a node that the largest messages reach.
    pub share_inside: f64,
    /// The same between nodes.
    pub share_outside: f64,
    /// The same where the switch adds up.
    pub share_reduction: f64,
    /// Duration at line rate of the bytes per rank and step at which a link inside a node reaches half its share, seconds.
    pub half_inside_seconds: f64,
    /// Bytes per rank and step at which the network between nodes reaches half its share: its buffers have a fixed size.
    pub half_outside_bytes: f64,
    /// Exponent of the saturating curve, at most 1, so that more bytes never take less time.
    pub curve: f64,
    /// Share of a ring that is lost between two ranks and fades as `1 / (ranks - 1)`: both directions of one wire pair.
    pub pair_loss: f64,
}

/// Name, place, low and high end of a parameter.
pub type Range = (&'static str, fn(&mut Parameters) -> &mut f64, f64, f64);

impl Parameters {
    /// Where every fit starts.
    pub const NEUTRAL: Self = Self {
        floor_seconds: 4e-5,
        hop_inside_seconds: 3.4e-6,
        latencies_outside: 3.0,
        hop_reduction_seconds: 1.1e-5,
        low_latency_share: 0.25,
        share_inside: 0.8,
        share_outside: 0.8,
        share_reduction: 0.65,
        half_inside_seconds: 2e-6,
        half_outside_bytes: 1e6,
        curve: 0.9,
        pair_loss: 0.2,
    };

    /// The fitted parameters with their physical ranges.
    pub const RANGES: [Range; 12] = [
        ("floor_seconds", |p| &mut p.floor_seconds, 5e-6, 1e-4),
        ("hop_inside_seconds", |p| &mut p.hop_inside_seconds, 5e-7, 2e-5),
        ("latencies_outside", |p| &mut p.latencies_outside, 1.0, 10.0),
        ("hop_reduction_seconds", |p| &mut p.hop_reduction_seconds, 1e-6, 4e-5),
        ("low_latency_share", |p| &mut p.low_latency_share, 0.1, 0.95),
        ("share_inside", |p| &mut p.share_inside, 0.4, 0.98),
        ("share_outside", |p| &mut p.share_outside, 0.4, 0.98),
        ("share_reduction", |p| &mut p.share_reduction, 0.4, 0.98),
        ("half_inside_seconds", |p| &mut p.half_inside_seconds, 1e-7, 1e-4),
        ("half_outside_bytes", |p| &mut p.half_outside_bytes, 1e4, 2e7),
        ("curve", |p| &mut p.curve, 0.3, 1.0),
        ("pair_loss", |p| &mut p.pair_loss, 0.01, 0.5),
    ];

    /// Name and value of each.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let mut copy = *self;
        Self::RANGES.iter().map(move |(name, at, _, _)| (*name, *at(&mut copy)))
    }
}

/// The 80 % interval of measured over predicted, on rows whose setup was left out of the fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Low factor inside a node.
    pub inside_low: f64,
    /// High factor inside a node.
    pub inside_high: f64,
    /// Low factor between nodes.
    pub outside_low: f64,
    /// High factor between nodes.
    pub outside_high: f64,
}

impl Spread {
    /// Whether it holds a measurement.
    #[must_use]
    pub fn holds(&self, row: &Left) -> bool {
        let (low, high) = if row.across {
            (self.outside_low, self.outside_high)
        } else {
            (self.inside_low, self.inside_high)
        };
        (low..=high).contains(&libm::exp(row.residual))
    }
}

/// Parameters with their interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkModel {
    /// Of the formulas.
    pub parameters: Parameters,
    /// Of the answers.
    pub spread: Spread,
}

impl NetworkModel {
    /// The committed fit.
    ///
    /// # Errors
    /// What the committed file lacks; a test keeps it from happening.
    pub fn builtin() -> Result<Self, String> {
        Self::of(&Numbers::read(include_str!("../../calibration/network.csv"))?)
    }

    /// A fit from its file.
    ///
    /// # Errors
    /// The number that the file lacks.
    pub fn of(numbers: &Numbers) -> Result<Self, String> {
        let mut parameters = Parameters::NEUTRAL;
        for (name, at, low, high) in Parameters::RANGES {
            let value = numbers.one("parameter", name)?;
            if !(low..=high).contains(&value) {
                return Err(format!("{name} is {value}. It must be from {low} to {high}."));
            }
            *at(&mut parameters) = value;
        }
        let spread = |key: &str| numbers.one("spread", key);
        Ok(Self {
            parameters,
            spread: Spread {
                inside_low: spread("inside_low")?,
                inside_high: spread("inside_high")?,
                outside_low: spread("outside_low")?,
                outside_high: spread("outside_high")?,
            },
        })
    }

    /// Prices a call, with its 80 % interval.
    ///
    /// # Errors
    /// The field that is out of range.
    pub fn predict(&self, fabric: &Fabric, call: &Call) -> Result<Answer, NetworkError> {
        let mut answer = predict(&self.parameters, fabric, call)?;
        let (low, high) = if answer.nodes > 1 {
            (self.spread.outside_low, self.spread.outside_high)
        } else {
            (self.spread.inside_low, self.spread.inside_high)
        };
        answer.low80 = answer.time * low;
        answer.high80 = answer.time * high;
        Ok(answer)
    }
}

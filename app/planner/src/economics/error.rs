//! What keeps a bill from being written, in sentences that name the field, the value and the allowed range.

use super::facts::facts_under;
use std::fmt;

/// Keys that a message lists.
const LISTED: usize = 6;

/// Why there is no bill.
#[derive(Debug, Clone, PartialEq)]
pub enum EconomicsError {
    /// No fact has this key.
    UnknownFact {
        /// The key that was asked for.
        key: String,
    },
    /// A number of the input or of an override is outside its range.
    OutOfRange {
        /// The field, as it is named in the input, or the key of the fact.
        field: String,
        /// What it was.
        value: f64,
        /// The least allowed value.
        low: f64,
        /// The greatest allowed value.
        high: f64,
    },
    /// Interruptions come faster than work is saved.
    NeverFinishes {
        /// Hours billed for one useful hour; may be infinite.
        billed_per_useful_hour: f64,
    },
    /// More data a year than the line carries.
    LineFull {
        /// Hours a year that the transfers need.
        hours: f64,
        /// Size of the line.
        gigabits_per_second: f64,
    },
    /// The own accelerators cannot do the hours that are left to them.
    TooFewOwned {
        /// Hours a year asked of each accelerator.
        hours_each: f64,
        /// Own accelerators.
        accelerators: u32,
    },
    /// A text is not a date of a known form.
    BadDate {
        /// The text.
        text: String,
    },
    /// A date lies after today.
    DateInFuture {
        /// The date.
        text: String,
        /// Today, as it was given.
        today: String,
    },
    /// A text of a link is not a list of overrides.
    BadOverrides {
        /// The part that could not be read.
        part: String,
    },
}

impl fmt::Display for EconomicsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFact { key } => {
                write!(f, "The catalog has no fact \"{key}\".")?;
                // The first part of a key names its kind.
                let kind = key.split_inclusive('.').next().unwrap_or_default();
                let known: Vec<_> = facts_under(kind).take(LISTED).map(|fact| fact.key).collect();
                match known.as_slice() {
                    [] => write!(f, " Keys begin with a kind, such as rent, storage, server or carbon."),
                    known => write!(f, " Allowed are {} and so on.", known.join(", ")),
                }
            }
            Self::OutOfRange { field, value, low, high } => {
                write!(f, "{field} is {value}; it must be a number from {low} to {high}.")
            }
            Self::NeverFinishes { billed_per_useful_hour } => write!(
                f,
                "Spot capacity is interrupted so often that one useful hour takes {billed_per_useful_hour:.0} billed \
                 hours; at most 1,000 are allowed. Save checkpoints more often or rent fewer instances."
            ),
            Self::LineFull { hours, gigabits_per_second } => write!(
                f,
                "The line of {gigabits_per_second} Gbps would need {hours:.0} hours a year for the data; a year has \
                 8,766. Choose a faster line or move less data."
            ),
            Self::TooFewOwned { hours_each, accelerators } => write!(
                f,
                "owned_accelerators is {accelerators}: each would work {hours_each:.0} hours a year; at most 8,766 are \
                 possible. Own more or send a greater share to the cloud."
            ),
            Self::BadDate { text } => write!(
                f,
                "The date \"{text}\" is not understood; allowed are 2026, 2026-03, 2026-03-14 and 2026-Q2."
            ),
            Self::DateInFuture { text, today } => {
                write!(f, "The date {text} lies after {today}; it must be {today} or earlier.")
            }
            Self::BadOverrides { part } => write!(
                f,
                "\"{part}\" is not an override; allowed are at most 256 entries of a key, '~' and a number, joined \
                 by '_'."
            ),
        }
    }
}

impl std::error::Error for EconomicsError {}

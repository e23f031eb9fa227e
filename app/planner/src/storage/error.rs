//! What storage and reliability refuse, in sentences.

use std::fmt;

/// A number outside the range for which the formula holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutOfRange {
    /// Name of the field.
    pub field: &'static str,
    /// What it was; may be NaN or infinite.
    pub value: f64,
    /// Smallest allowed value.
    pub low: f64,
    /// Largest allowed value.
    pub high: f64,
    /// Unit in plain words, empty for a share or a count.
    pub unit: &'static str,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, low, high, unit } = self;
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        write!(f, "{field} was {value}{unit}; it must lie between {low} and {high}{unit}.")
    }
}

impl std::error::Error for OutOfRange {}

/// `value`, if it is a number from `low` to `high`.
///
/// # Errors
/// [`OutOfRange`] for anything else, NaN and infinities included.
pub fn check(
    field: &'static str,
    value: f64,
    (low, high): (f64, f64),
    unit: &'static str,
) -> Result<f64, OutOfRange> {
    if (low..=high).contains(&value) { Ok(value) } else { Err(OutOfRange { field, value, low, high, unit }) }
}

/// Why a question about storage has no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum StorageError {
    /// A field is outside its range.
    OutOfRange(OutOfRange),
    /// No store has this id.
    UnknownStore {
        /// The id that was asked for.
        id: String,
    },
    /// No data format has this id.
    UnknownFormat {
        /// The id that was asked for.
        id: String,
    },
    /// No compression has this id.
    UnknownCodec {
        /// The id that was asked for.
        id: String,
    },
    /// More data is selected than is read.
    PrunedTooMuch {
        /// Share of the samples that the job uses.
        selected_share: f64,
        /// Share of the data that pruning leaves to be read.
        read_share: f64,
    },
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange(error) => error.fmt(f),
            Self::UnknownStore { id } => unknown(f, "store", id),
            Self::UnknownFormat { id } => unknown(f, "data format", id),
            Self::UnknownCodec { id } => unknown(f, "compression", id),
            Self::PrunedTooMuch { selected_share, read_share } => write!(
                f,
                "partition_share x row_group_share was {read_share}; it must be at least selected_share, \
                 {selected_share}, because every selected sample is read."
            ),
        }
    }
}

fn unknown(f: &mut fmt::Formatter<'_>, what: &str, id: &str) -> fmt::Result {
    write!(f, "The catalog has no {what} \"{id}\". Your other settings are kept. Choose one from the list.")
}

impl std::error::Error for StorageError {}

impl From<OutOfRange> for StorageError {
    fn from(error: OutOfRange) -> Self {
        Self::OutOfRange(error)
    }
}

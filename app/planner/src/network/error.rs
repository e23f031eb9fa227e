//! What a question about a network can get wrong.

use std::fmt;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum NetworkError {
    /// A number is outside what it may be.
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it was.
        value: f64,
        /// What it may be.
        allowed: String,
    },
    /// No link has this id.
    UnknownLink {
        /// The id.
        id: String,
    },
    /// A link stands where it cannot: one between nodes as the link inside a node, or the other way round.
    WrongPlace {
        /// The id.
        id: String,
        /// The field that named it.
        field: &'static str,
    },
    /// The call crosses nodes and nothing joins them.
    NoOutside {
        /// Nodes of the call.
        nodes: u32,
    },
}

impl fmt::Display for NetworkError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { field, value, allowed } => {
                write!(out, "{field} is {value}. It must be {allowed}.")
            }
            Self::UnknownLink { id } => {
                write!(out, "No link has the id \"{id}\". Choose one of catalog/interconnects.toml.")
            }
            Self::WrongPlace { id, field } => {
                write!(out, "{field} is \"{id}\", which does not belong there. Choose a link of that place.")
            }
            Self::NoOutside { nodes } => {
                write!(
                    out,
                    "The call spans {nodes} nodes, but the fabric has no link between nodes. Name one, or use one node."
                )
            }
        }
    }
}

impl std::error::Error for NetworkError {}

/// `value`, if it is a finite number in `low..=high`.
pub(super) fn within(field: &'static str, value: f64, low: f64, high: f64) -> Result<f64, NetworkError> {
    if value.is_finite() && (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(NetworkError::OutOfRange { field, value, allowed: format!("a number from {low} to {high}") })
    }
}

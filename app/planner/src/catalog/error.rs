//! What the catalog does not have, in sentences.

use std::fmt;

/// A fact that the catalog does not have. The message says what, what still stands, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogError {
    /// No accelerator has this id.
    UnknownAccelerator {
        /// The id that was asked for.
        id: String,
    },
    /// No interconnect has this id.
    UnknownInterconnect {
        /// The id that was asked for.
        id: String,
    },
    /// No model has this id.
    UnknownModel {
        /// The id that was asked for.
        id: String,
    },
    /// No site has this id.
    UnknownSite {
        /// The id that was asked for.
        id: String,
    },
    /// The accelerator has no published peak in this number format.
    MissingPeakFlops {
        /// Name of the accelerator.
        accelerator: &'static str,
        /// Name of the number format.
        dtype: &'static str,
    },
    /// The accelerator has no published rent.
    MissingPrice {
        /// Name of the accelerator.
        accelerator: &'static str,
    },
    /// The accelerator has no published purchase price.
    MissingPurchasePrice {
        /// Name of the accelerator.
        accelerator: &'static str,
    },
    /// Another fact is missing.
    MissingFact {
        /// Name of the accelerator.
        accelerator: &'static str,
        /// The fact, in plain words.
        fact: &'static str,
    },
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = "Your other settings are kept.";
        match self {
            Self::UnknownAccelerator { id } => {
                write!(f, "The catalog has no accelerator \"{id}\". {kept} Choose one from the list.")
            }
            Self::UnknownInterconnect { id } => {
                write!(f, "The catalog has no network \"{id}\". {kept} Choose one from the list.")
            }
            Self::UnknownModel { id } => {
                write!(f, "The catalog has no model \"{id}\". {kept} Choose one from the list.")
            }
            Self::UnknownSite { id } => {
                write!(f, "The catalog has no site \"{id}\". {kept} Choose another deployment.")
            }
            Self::MissingPeakFlops { accelerator, dtype } => write!(
                f,
                "No published {dtype} rate is known for {accelerator}. {kept} Choose another precision or accelerator."
            ),
            Self::MissingPrice { accelerator } => write!(
                f,
                "No published rent is known for {accelerator}. {kept} Enter your own price per accelerator-hour."
            ),
            Self::MissingPurchasePrice { accelerator } => write!(
                f,
                "No published purchase price is known for {accelerator}. {kept} Enter your own cost per \
                 accelerator-hour, or choose cloud."
            ),
            Self::MissingFact { accelerator, fact } => {
                write!(
                    f,
                    "No published {fact} is known for {accelerator}. {kept} Choose another accelerator."
                )
            }
        }
    }
}

impl std::error::Error for CatalogError {}

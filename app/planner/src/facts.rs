//! Facts as the page lists them.

use crate::catalog::Fact;
use crate::prediction::{FactUnit, FactUse, Provenance};

/// A catalog fact as the page lists it.
pub(crate) fn catalog_fact<T: Copy>(
    label: String,
    unit: FactUnit,
    fact: Fact<T>,
    value: impl Fn(T) -> f64,
) -> FactUse {
    FactUse {
        label,
        value: value(fact.value),
        unit,
        provenance: Provenance::Catalog {
            source: fact.source.into(),
            retrieved_on: fact.retrieved_on.into(),
        },
    }
}

/// An assumption of the model as the page lists it; the reason is in the label.
pub(crate) fn assumed_fact(label: &str, unit: FactUnit, fact: Fact<f64>) -> FactUse {
    FactUse {
        label: format!("{label} (assumed: {})", fact.source),
        value: fact.value,
        unit,
        provenance: Provenance::Assumption,
    }
}

/// Something measured in this browser.
pub(crate) fn measured_fact(label: &str, unit: FactUnit, value: f64) -> FactUse {
    FactUse { label: label.to_owned(), value, unit, provenance: Provenance::Measured }
}

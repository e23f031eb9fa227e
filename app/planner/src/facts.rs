//! Facts as a prediction takes them: the catalog's value or the visitor's own, listed with its source either way.

use crate::catalog::Fact;
use crate::own_facts::OwnFacts;
use crate::prediction::{FactUnit, FactUse, Provenance};

/// What is taken for one prediction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desk {
    own: OwnFacts,
    pub(crate) facts: Vec<FactUse>,
    pub(crate) notes: Vec<String>,
}

/// Lowest and highest own value of a unit, in base units: what no machine and no market is beyond.
const fn range(unit: FactUnit) -> (f64, f64) {
    match unit {
        FactUnit::FlopsPerSecond => (1e6, 1e20),
        FactUnit::Bytes => (1e6, 1e18),
        FactUnit::BytesPerSecond => (1e3, 1e18),
        FactUnit::Watts => (0.1, 1e6),
        FactUnit::Usd => (0.0, 1e9),
        FactUnit::UsdPerHour => (0.0, 1e4),
        FactUnit::UsdPerKilowattHour => (0.0, 100.0),
        FactUnit::Ratio => (0.01, 1e4),
        FactUnit::Count => (0.0, 1e15),
    }
}

impl Desk {
    pub(crate) fn new(own: &OwnFacts) -> Self {
        Self { own: own.clone(), ..Self::default() }
    }

    /// Takes a fact under the key by which it can be replaced.
    pub(crate) fn take(
        &mut self,
        key: &'static str,
        label: String,
        unit: FactUnit,
        value: f64,
        provenance: Provenance,
    ) -> f64 {
        let (low, high) = range(unit);
        let own = self.own.get(key);
        let (value, provenance) = match own {
            Some(own) if (low..=high).contains(&own) => (own, Provenance::Assumption),
            Some(own) => {
                let note = format!(
                    "Your own value of \"{label}\" ({}) is not used: allowed is {} to {}.",
                    crate::format::fact(own, unit),
                    crate::format::fact(low, unit),
                    crate::format::fact(high, unit)
                );
                self.notes.push(note);
                (value, provenance)
            }
            None => (value, provenance),
        };
        self.facts.push(FactUse { key: Some(key.into()), label, value, unit, provenance });
        value
    }

    /// A fact of the catalog.
    pub(crate) fn catalog(
        &mut self,
        key: &'static str,
        label: String,
        unit: FactUnit,
        value: f64,
        fact: &Fact<impl Sized>,
    ) -> f64 {
        let provenance =
            Provenance::Catalog { source: fact.source.into(), retrieved_on: fact.retrieved_on.into() };
        self.take(key, label, unit, value, provenance)
    }

    /// An assumption of the model; the reason is in the label.
    pub(crate) fn assumed(&mut self, key: &'static str, label: &str, unit: FactUnit, fact: Fact<f64>) -> f64 {
        let label = format!("{label} (assumed: {})", fact.source);
        self.take(key, label, unit, fact.value, Provenance::Assumption)
    }

    /// Something that is only told: measured here, or set in the form.
    pub(crate) fn tell(&mut self, label: String, unit: FactUnit, value: f64, provenance: Provenance) {
        self.facts.push(FactUse { key: None, label, value, unit, provenance });
    }
}

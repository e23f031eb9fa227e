//! Facts of money and energy: values with source and date, and the one reader through which a bill sees them.

use super::error::EconomicsError;
use super::overrides::Overrides;

/// A fact or an assumption of `catalog/economics.toml`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EconomicFact {
    /// Stable name; links hold it.
    pub key: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// Unit, as text.
    pub unit: &'static str,
    /// The value, in that unit.
    pub value: f64,
    /// Low and high: the range of an assumption, or of sources that disagree.
    pub range: Option<(f64, f64)>,
    /// What an override may be, both ends included.
    pub allowed: (f64, f64),
    /// Where it comes from, or why it is assumed.
    pub source: &'static str,
    /// ISO date on which the source was read.
    pub retrieved_on: &'static str,
    /// Date of the price: a year, a quarter, a month or a day. None: not a price.
    pub priced_on: Option<&'static str>,
    /// No source states it.
    pub assumption: bool,
}

include!(concat!(env!("OUT_DIR"), "/economics.rs"));

/// The fact of this key.
///
/// # Errors
/// No fact has this key.
pub fn fact(key: &str) -> Result<&'static EconomicFact, EconomicsError> {
    let unknown = || EconomicsError::UnknownFact { key: key.to_owned() };
    let index = ECONOMIC_FACTS.binary_search_by(|fact| fact.key.cmp(key)).map_err(|_| unknown())?;
    ECONOMIC_FACTS.get(index).ok_or_else(unknown)
}

/// The facts whose keys begin with a text, by key: `carbon.` gives the regions, `rent.` the offers.
pub fn facts_under(prefix: &str) -> impl Iterator<Item = &'static EconomicFact> + '_ {
    ECONOMIC_FACTS.iter().filter(move |fact| fact.key.starts_with(prefix))
}

/// A fact that entered a bill, with the value that was used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UsedFact {
    /// The catalog's row.
    pub fact: &'static EconomicFact,
    /// What the bill used, in the fact's unit.
    pub value: f64,
    /// The visitor's value instead of the catalog's.
    pub overridden: bool,
}

/// Reads facts through the overrides and remembers which were read.
pub(super) struct Reader<'a> {
    overrides: &'a Overrides,
    pub(super) used: Vec<UsedFact>,
    pub(super) notes: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(overrides: &'a Overrides) -> Self {
        Self { overrides, used: Vec::new(), notes: Vec::new() }
    }

    /// The value of a fact, the visitor's before the catalog's.
    pub(super) fn get(&mut self, key: &str) -> Result<f64, EconomicsError> {
        let fact = fact(key)?;
        let own = self.overrides.get(key);
        let value = own.unwrap_or(fact.value);
        if !self.used.iter().any(|used| used.fact.key == fact.key) {
            self.used.push(UsedFact { fact, value, overridden: own.is_some() });
        }
        Ok(value)
    }

    /// Like [`Self::get`], with None where the catalog has no such fact.
    pub(super) fn find(&mut self, key: &str) -> Result<Option<f64>, EconomicsError> {
        if fact(key).is_err() { Ok(None) } else { self.get(key).map(Some) }
    }

    /// Price of a quantity by tiers: `<key>.tier1.price` up to `<key>.tier1.size`, and so on; a tier without a size
    /// holds the rest.
    pub(super) fn tiered(&mut self, key: &str, quantity: f64) -> Result<f64, EconomicsError> {
        let mut cost = 0.0;
        let mut left = quantity;
        for tier in 1_u8..=9 {
            let price = self.get(&format!("{key}.tier{tier}.price"))?;
            let size = self.find(&format!("{key}.tier{tier}.size"))?;
            let here = size.map_or(left, |size| left.min(size));
            cost += here * price;
            left -= here;
            if size.is_none() || left <= 0.0 {
                break;
            }
        }
        Ok(cost)
    }
}

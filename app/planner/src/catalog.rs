//! Facts about accelerators, networks, prices, models and sites, each with its source and date.
//!
//! The data is TOML in `catalog/`; `build.rs` checks it and emits the statics that this module includes. A
//! missing fact is a [`CatalogError`], never a value that somebody made up.

mod error;

pub use error::CatalogError;

use crate::scenario::Dtype;
pub use crate::shape::ModelShape;
use crate::units::{Bytes, BytesPerSecond, FlopsPerSecond, Usd, UsdPerHour, Watts};

/// A value with its source and the date on which it was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fact<T> {
    /// The value, in the base unit of its type.
    pub value: T,
    /// Where it was read.
    pub source: &'static str,
    /// ISO date.
    pub retrieved_on: &'static str,
}

/// What sort of machine an accelerator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcceleratorKind {
    /// Graphics processor.
    Gpu,
    /// Google's tensor processor.
    Tpu,
    /// One socket of a server.
    Cpu,
}

/// An accelerator. Facts that a source may lack are behind methods that give a typed error.
#[derive(Debug)]
pub struct Accelerator {
    /// Stable id; links hold it.
    pub id: &'static str,
    /// Name as the vendor writes it.
    pub name: &'static str,
    /// Maker.
    pub vendor: &'static str,
    /// Sort of machine.
    pub kind: AcceleratorKind,
    /// Accelerators joined by the intra-node link (a server, a rack, a TPU pod).
    pub accelerators_per_node: Fact<f64>,
    peak_flops: &'static [(Dtype, Fact<FlopsPerSecond>)],
    achievable_flops: &'static [(Dtype, Fact<FlopsPerSecond>)],
    memory: Option<Fact<Bytes>>,
    memory_bandwidth: Option<Fact<BytesPerSecond>>,
    intra_node_bandwidth: Option<Fact<BytesPerSecond>>,
    thermal_design_power: Option<Fact<Watts>>,
    assumed_power: Option<Fact<Watts>>,
    purchase_price: Option<Fact<Usd>>,
}

impl Accelerator {
    /// Dense peak rate of the matrix units in this number format.
    ///
    /// # Errors
    /// [`CatalogError::MissingPeakFlops`] where no source states one.
    pub fn peak_flops(&self, dtype: Dtype) -> Result<Fact<FlopsPerSecond>, CatalogError> {
        find(self.peak_flops, dtype)
            .ok_or(CatalogError::MissingPeakFlops { accelerator: self.name, dtype: dtype.name() })
    }

    /// The best matrix-product rate that was measured on this accelerator, where one is published.
    #[must_use]
    pub fn achievable_flops(&self, dtype: Dtype) -> Option<Fact<FlopsPerSecond>> {
        find(self.achievable_flops, dtype)
    }

    /// The number formats for which a peak rate is known.
    pub fn dtypes(&self) -> impl Iterator<Item = Dtype> + '_ {
        self.peak_flops.iter().map(|(dtype, _)| *dtype)
    }

    /// Memory of one accelerator.
    ///
    /// # Errors
    /// [`CatalogError::MissingFact`] where no source states it.
    pub fn memory(&self) -> Result<Fact<Bytes>, CatalogError> {
        self.memory.ok_or(self.missing("memory size"))
    }

    /// Peak bandwidth of its memory.
    ///
    /// # Errors
    /// [`CatalogError::MissingFact`] where no source states it.
    pub fn memory_bandwidth(&self) -> Result<Fact<BytesPerSecond>, CatalogError> {
        self.memory_bandwidth.ok_or(self.missing("memory bandwidth"))
    }

    /// Bandwidth of its link inside a node, per direction.
    ///
    /// # Errors
    /// [`CatalogError::MissingFact`] where no source states it.
    pub fn intra_node_bandwidth(&self) -> Result<Fact<BytesPerSecond>, CatalogError> {
        self.intra_node_bandwidth.ok_or(self.missing("link bandwidth inside a node"))
    }

    /// Thermal design power.
    ///
    /// # Errors
    /// [`CatalogError::MissingFact`] where the vendor publishes none.
    pub fn thermal_design_power(&self) -> Result<Fact<Watts>, CatalogError> {
        self.thermal_design_power.ok_or(self.missing("thermal design power"))
    }

    /// A power that was assumed because the vendor publishes none; its source says so.
    #[must_use]
    pub const fn assumed_power(&self) -> Option<Fact<Watts>> {
        self.assumed_power
    }

    /// Purchase price of one accelerator without its server.
    ///
    /// # Errors
    /// [`CatalogError::MissingPurchasePrice`] where no source states it.
    pub fn purchase_price(&self) -> Result<Fact<Usd>, CatalogError> {
        self.purchase_price.ok_or(CatalogError::MissingPurchasePrice { accelerator: self.name })
    }

    const fn missing(&self, fact: &'static str) -> CatalogError {
        CatalogError::MissingFact { accelerator: self.name, fact }
    }
}

fn find(facts: &'static [(Dtype, Fact<FlopsPerSecond>)], dtype: Dtype) -> Option<Fact<FlopsPerSecond>> {
    facts.iter().find(|(known, _)| *known == dtype).map(|(_, fact)| *fact)
}

/// A network between nodes.
#[derive(Debug)]
pub struct Interconnect {
    /// Stable id; links hold it.
    pub id: &'static str,
    /// Plain name with its line rate.
    pub name: &'static str,
    /// Per direction and accelerator, when all accelerators of a node send at once.
    pub bandwidth_per_accelerator: Fact<BytesPerSecond>,
}

/// One published rent of an accelerator.
#[derive(Debug)]
pub struct Price {
    /// Catalog id of the accelerator.
    pub accelerator: &'static str,
    /// Who asks for it.
    pub provider: &'static str,
    /// Date that the source gives for the price (year, or year and month).
    pub priced_on: &'static str,
    /// Rent of one accelerator.
    pub usd_per_accelerator_hour: Fact<UsdPerHour>,
}

/// A model preset.
#[derive(Debug)]
pub struct Model {
    /// Stable id; links hold it.
    pub id: &'static str,
    /// Name.
    pub name: &'static str,
    /// Published parameter count.
    pub parameters: Fact<f64>,
    /// Dimensions.
    pub shape: ModelShape,
}

/// Where accelerators stand.
#[derive(Debug)]
pub struct Site {
    /// `cloud`, `on-premises` or `here`.
    pub id: &'static str,
    /// Plain name.
    pub name: &'static str,
    /// Power at the meter per power at the machines.
    pub power_usage_effectiveness: Fact<f64>,
    /// Carbon intensity of the grid.
    pub grid_grams_co2e_per_kilowatt_hour: Fact<f64>,
}

/// What no source states for a visitor's system (`catalog/assumptions.toml`).
#[derive(Debug)]
pub(crate) struct Assumptions {
    pub(crate) power_static_share: Fact<f64>,
    pub(crate) power_compute_share: Fact<f64>,
    pub(crate) power_memory_share: Fact<f64>,
    pub(crate) power_network_share: Fact<f64>,
    pub(crate) host_power_factor: Fact<f64>,
    pub(crate) server_price_factor: Fact<f64>,
    pub(crate) this_device_power_watts: Fact<f64>,
}

include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// The facts that a prediction may use.
#[derive(Debug)]
pub struct Catalog {
    accelerators: &'static [Accelerator],
    interconnects: &'static [Interconnect],
    prices: &'static [Price],
    models: &'static [Model],
    sites: &'static [Site],
}

impl Catalog {
    /// The catalog that is compiled in.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: Catalog = Catalog {
            accelerators: ACCELERATORS,
            interconnects: INTERCONNECTS,
            prices: PRICES,
            models: MODELS,
            sites: SITES,
        };
        &BUILTIN
    }

    /// All accelerators, in the order of the file.
    #[must_use]
    pub const fn accelerators(&self) -> &'static [Accelerator] {
        self.accelerators
    }

    /// All networks between nodes.
    #[must_use]
    pub const fn interconnects(&self) -> &'static [Interconnect] {
        self.interconnects
    }

    /// All model presets.
    #[must_use]
    pub const fn models(&self) -> &'static [Model] {
        self.models
    }

    /// The accelerator with this id.
    ///
    /// # Errors
    /// [`CatalogError::UnknownAccelerator`].
    pub fn accelerator(&self, id: &str) -> Result<&'static Accelerator, CatalogError> {
        self.accelerators
            .iter()
            .find(|accelerator| accelerator.id == id)
            .ok_or_else(|| CatalogError::UnknownAccelerator { id: id.to_owned() })
    }

    /// The network with this id.
    ///
    /// # Errors
    /// [`CatalogError::UnknownInterconnect`].
    pub fn interconnect(&self, id: &str) -> Result<&'static Interconnect, CatalogError> {
        self.interconnects
            .iter()
            .find(|interconnect| interconnect.id == id)
            .ok_or_else(|| CatalogError::UnknownInterconnect { id: id.to_owned() })
    }

    /// The model preset with this id.
    ///
    /// # Errors
    /// [`CatalogError::UnknownModel`].
    pub fn model(&self, id: &str) -> Result<&'static Model, CatalogError> {
        self.models
            .iter()
            .find(|model| model.id == id)
            .ok_or_else(|| CatalogError::UnknownModel { id: id.to_owned() })
    }

    /// The published rents of an accelerator, cheapest first; empty where none is known.
    #[must_use]
    pub fn prices_for(&self, accelerator: &str) -> Vec<&'static Price> {
        let mut prices: Vec<_> =
            self.prices.iter().filter(|price| price.accelerator == accelerator).collect();
        prices.sort_by(|left, right| {
            left.usd_per_accelerator_hour.value.0.total_cmp(&right.usd_per_accelerator_hour.value.0)
        });
        prices
    }

    /// The rent that a prediction takes: the median published offer (the cheaper one of two middle offers), so
    /// that it is a real offer with a source.
    ///
    /// # Errors
    /// [`CatalogError::MissingPrice`] where no source states one.
    pub fn median_price(&self, accelerator: &'static Accelerator) -> Result<&'static Price, CatalogError> {
        let prices = self.prices_for(accelerator.id);
        prices
            .get(prices.len().saturating_sub(1) / 2)
            .copied()
            .ok_or(CatalogError::MissingPrice { accelerator: accelerator.name })
    }

    /// The site with this id (`cloud`, `on-premises`, `here`; the build checks that they exist).
    ///
    /// # Errors
    /// [`CatalogError::UnknownSite`].
    pub fn site(&self, id: &str) -> Result<&'static Site, CatalogError> {
        self.sites
            .iter()
            .find(|site| site.id == id)
            .ok_or_else(|| CatalogError::UnknownSite { id: id.to_owned() })
    }
}

impl Dtype {
    /// Every number format.
    pub const ALL: [Self; 5] = [Self::F32, Self::Bf16, Self::F16, Self::F8E4m3, Self::I8];

    /// The name, spelled as in safetensors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::Bf16 => "BF16",
            Self::F16 => "F16",
            Self::F8E4m3 => "F8_E4M3",
            Self::I8 => "I8",
        }
    }
}

//! Turns catalog facts into the [`Machine`] that the step-time model reads, and lists the facts it used.

use crate::catalog::{Accelerator, Calibration, CatalogError, Fact, Interconnect};
use crate::performance::{Link, Machine, Topology};
use crate::prediction::{FactUnit, FactUse, Provenance};
use crate::scenario::{Dtype, MeasuredDevice};
use crate::units::{BytesPerSecond, FlopsPerSecond, Seconds};

/// A machine, its peak rate in the run's number format, and where its figures come from.
#[derive(Debug, Clone)]
pub struct MachineFacts {
    /// What the model reads.
    pub machine: Machine,
    /// Peak rate in the run's number format: the denominator of model FLOPs utilisation.
    pub peak: FlopsPerSecond,
    /// The facts.
    pub facts: Vec<FactUse>,
    /// The matrix rate rests on the default share of the peak: no measurement of the part is published.
    pub assumed_matrix_rate: bool,
}

/// The number format of attention and of the output projection in a run of this format.
const fn wide(dtype: Dtype) -> Dtype {
    match dtype {
        Dtype::F8E4m3 | Dtype::I8 => Dtype::Bf16,
        other => other,
    }
}

/// A catalog accelerator with a network.
///
/// # Errors
/// [`CatalogError`] where a fact that the model needs is missing.
pub fn catalog_machine(
    accelerator: &'static Accelerator,
    interconnect: &'static Interconnect,
    precision: Dtype,
    calibration: &Calibration,
) -> Result<MachineFacts, CatalogError> {
    let peak = accelerator.peak_flops(precision)?;
    let bandwidth = accelerator.memory_bandwidth()?;
    let mut facts = vec![
        catalog_fact(
            format!("Peak {} rate of {}", precision.name(), accelerator.name),
            FactUnit::FlopsPerSecond,
            peak,
            |rate| rate.0,
        ),
        catalog_fact(
            format!("Memory bandwidth of {}", accelerator.name),
            FactUnit::BytesPerSecond,
            bandwidth,
            |rate| rate.0,
        ),
    ];
    let mut matrix_rate = |dtype: Dtype| -> Result<(FlopsPerSecond, bool), CatalogError> {
        if let Some(achievable) = accelerator.achievable_flops(dtype) {
            let label = format!("Best measured {} matrix product of {}", dtype.name(), accelerator.name);
            facts.push(catalog_fact(label, FactUnit::FlopsPerSecond, achievable, |rate| rate.0));
            return Ok((achievable.value, false));
        }
        let peak = accelerator.peak_flops(dtype)?;
        Ok((peak.value * calibration.default_achievable_fraction, true))
    };
    let (rate, assumed_matrix_rate) = matrix_rate(precision)?;
    let wide_rate = if wide(precision) == precision { rate } else { matrix_rate(wide(precision))?.0 };
    let per_node = accelerator.accelerators_per_node;
    let inside = if per_node.value > 1.0 {
        let link = accelerator.intra_node_bandwidth()?;
        facts.push(catalog_fact(
            format!("Link inside a node of {} {}", per_node.value, accelerator.name),
            FactUnit::BytesPerSecond,
            link,
            |rate| rate.0,
        ));
        link.value
    } else {
        interconnect.bandwidth_per_accelerator.value
    };
    facts.push(catalog_fact(
        interconnect.name.to_owned(),
        FactUnit::BytesPerSecond,
        interconnect.bandwidth_per_accelerator,
        |rate| rate.0,
    ));
    let machine = Machine {
        matrix_rate: rate,
        wide_matrix_rate: wide_rate,
        memory_bandwidth: bandwidth.value,
        topology: topology(per_node.value, inside, interconnect, calibration),
    };
    Ok(MachineFacts { machine, peak: peak.value, facts, assumed_matrix_rate })
}

/// The machine that was measured in this browser.
#[must_use]
pub fn measured_machine(
    device: &MeasuredDevice,
    interconnect: &'static Interconnect,
    calibration: &Calibration,
) -> MachineFacts {
    let rate = FlopsPerSecond(device.peak_f32_flops_per_second);
    let bandwidth = BytesPerSecond(device.memory_bandwidth_bytes_per_second);
    let measured = |label: &str, value: f64, unit| FactUse {
        label: label.to_owned(),
        value,
        unit,
        provenance: Provenance::Measured,
    };
    let facts = vec![
        measured("Measured F32 matrix rate of this device", rate.0, FactUnit::FlopsPerSecond),
        measured("Measured memory bandwidth of this device", bandwidth.0, FactUnit::BytesPerSecond),
    ];
    let link = interconnect.bandwidth_per_accelerator.value;
    let machine = Machine {
        matrix_rate: rate,
        wide_matrix_rate: rate,
        // The measured copy is already what a kernel reaches: undo the share that the model takes of a peak.
        memory_bandwidth: bandwidth / calibration.memory_efficiency,
        topology: topology(1.0, link, interconnect, calibration),
    };
    MachineFacts { machine, peak: rate, facts, assumed_matrix_rate: false }
}

fn topology(
    accelerators_per_node: f64,
    inside: BytesPerSecond,
    interconnect: &'static Interconnect,
    calibration: &Calibration,
) -> Topology {
    Topology {
        accelerators_per_node,
        intra_node: Link {
            bandwidth: inside * calibration.intra_node_link_efficiency,
            latency: Seconds(calibration.intra_node_latency_seconds),
        },
        inter_node: Link {
            bandwidth: interconnect.bandwidth_per_accelerator.value * calibration.inter_node_link_efficiency,
            latency: Seconds(calibration.inter_node_latency_seconds),
        },
    }
}

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
        provenance: Provenance::Catalog { source: fact.source, retrieved_on: fact.retrieved_on },
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

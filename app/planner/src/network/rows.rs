//! Published measurements: `validation/all_reduce.csv`.

use super::algorithms::Collective;
use super::error::NetworkError;
use super::fabric::{Call, Fabric};
use super::parameters::Parameters;
use super::predict::predict;
use crate::rows::csv::{self, Row, Table};
use crate::units::{Bytes, Seconds};

/// One measured collective.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Id of the row.
    pub id: String,
    /// Rows of one setup differ in bytes alone; a whole setup is left out at a time.
    pub setup: String,
    /// What joined the ranks.
    pub fabric: Fabric,
    /// What they did.
    pub call: Call,
    /// How long it took.
    pub seconds: Seconds,
}

impl Measurement {
    /// Whether it crossed nodes.
    #[must_use]
    pub fn across(&self) -> bool {
        self.call.ranks > self.call.ranks_per_node
    }

    /// Natural logarithm of measured over predicted.
    ///
    /// # Errors
    /// What is out of range.
    pub fn residual(&self, parameters: &Parameters) -> Result<f64, NetworkError> {
        let predicted = predict(parameters, &self.fabric, &self.call)?.time;
        Ok(libm::log(self.seconds / predicted))
    }
}

/// The rows that the planner carries.
///
/// # Errors
/// A broken file; a test keeps it from happening.
pub fn carried() -> Result<Table, String> {
    csv::read(include_str!("../../validation/all_reduce.csv"))
}

/// The rows whose `used` is `yes`.
///
/// # Errors
/// The row and the field that cannot be read.
pub fn measurements(table: &Table) -> Result<Vec<Measurement>, String> {
    table.iter().filter(|row| row.text("used") == "yes").map(|row| measurement(&row)).collect()
}

fn measurement(row: &Row<'_>) -> Result<Measurement, String> {
    let id = row.text("id");
    let wrong = |field: &str, allowed: &str| {
        format!("{id}: {field} is \"{}\". It must be {allowed}.", row.text(field))
    };
    let count = |field: &str| row.text(field).parse::<u32>().map_err(|_| wrong(field, "a count"));
    let positive = |field: &str| match row.text(field).parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err(wrong(field, "a positive number")),
    };
    let collective = match row.text("collective") {
        "all-reduce" => Collective::AllReduce,
        "all-gather" => Collective::AllGather,
        "reduce-scatter" => Collective::ReduceScatter,
        _ => return Err(wrong("collective", "all-reduce, all-gather or reduce-scatter")),
    };
    let outside = Some(row.text("outside")).filter(|id| !id.is_empty());
    let ranks_per_node = count("ranks_per_node")?;
    let mut fabric = Fabric::of(row.text("inside"), outside, ranks_per_node.max(8))
        .map_err(|error| format!("{id}: {error}"))?;
    fabric.inside.in_network_reduction &= match row.text("in_network_reduction") {
        "yes" => true,
        "no" => false,
        _ => return Err(wrong("in_network_reduction", "yes or no")),
    };
    let call = Call {
        collective,
        bytes: Bytes(positive("bytes")?),
        ranks: count("ranks")?,
        ranks_per_node,
        captured: false,
    };
    Ok(Measurement {
        id: id.to_owned(),
        setup: row.text("setup").to_owned(),
        fabric,
        call,
        seconds: Seconds(positive("seconds")?),
    })
}
